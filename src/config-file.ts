import { readFile, realpath, stat } from 'node:fs/promises';
import { replaceFile } from './replace-file.ts';

/** The config file could not be read or written; what was there is there still. */
export class ConfigFileError extends Error {
  readonly code = 'CONFIG_FILE';
  readonly source = 'config';
  readonly retryable = false;
}

/** Reads a config file. Throws ConfigFileError. */
export async function readConfigText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new ConfigFileError(`${file} cannot be read (${codeOf(cause)}).`, { cause });
  }
}

/**
 * Replaces what is in a config file at once (`replaceFile`). Mode and owner stay; a link stays one. Resolves when it is on the disk. Throws
 * ConfigFileError.
 */
export async function writeConfigText(file: string, text: string): Promise<void> {
  try {
    const target = await realpath(file);
    const { mode, uid, gid } = await stat(target);
    await replaceFile(target, text, { mode, owner: { uid, gid } });
  } catch (cause) {
    throw new ConfigFileError(`${file} cannot be written (${codeOf(cause)}); it is as it was.`, { cause });
  }
}

function codeOf(cause: unknown): string {
  return (cause as NodeJS.ErrnoException).code ?? (cause as Error).message;
}
