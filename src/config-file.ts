import { randomBytes } from 'node:crypto';
import { chmod, chown, open, readFile, realpath, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

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
 * Replaces what is in a config file at once: whoever reads it, also after a crash, finds the old text or the new one, whole. Mode and owner
 * stay; a link stays one. Resolves when it is on the disk. Throws ConfigFileError.
 */
export async function writeConfigText(file: string, text: string): Promise<void> {
  let temporary: string | undefined;
  try {
    const target = await realpath(file);
    const { mode, uid, gid } = await stat(target);
    // Only a name in the same folder can be renamed to it, and only if nobody can have put something else there before.
    temporary = `${target}.${randomBytes(6).toString('hex')}.tmp`;
    const handle = await open(temporary, 'wx', 0o600);
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await chmod(temporary, mode & 0o7777);
    // Only root may give files away; for the others it is theirs already, or a file that they share.
    await chown(temporary, uid, gid).catch(() => {});
    await rename(temporary, target);
    temporary = undefined;
    await syncFolder(dirname(target));
  } catch (cause) {
    throw new ConfigFileError(`${file} cannot be written (${codeOf(cause)}); it is as it was.`, { cause });
  } finally {
    if (temporary !== undefined) await rm(temporary, { force: true });
  }
}

/** The new name lasts only once its folder is on the disk. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function codeOf(cause: unknown): string {
  return (cause as NodeJS.ErrnoException).code ?? (cause as Error).message;
}
