import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname } from 'node:path';
import { type LoadResult, loadConfig } from '../config/load.ts';

/** The config cannot be used; `faults` has a line for each reason. */
export class ConfigError extends Error {
  readonly code = 'CONFIG';
  readonly source = 'config';
  readonly retryable = false;
  readonly faults: readonly string[];

  constructor(faults: readonly string[]) {
    super(faults.join('\n'));
    this.faults = faults;
  }
}

/** Reads and checks a config file. Throws ConfigError where it cannot be read. */
export function loadConfigFile(file: string): LoadResult & { readonly file: string; readonly text: string } {
  const text = readText(file);
  const result = loadConfig(text, {
    file,
    directory: dirname(file),
    cpuCount: availableParallelism(),
    readText: (path, encoding = 'utf8') => readFileSync(path, encoding),
  });
  return { ...result, file, text };
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? 'there is no such file' : code === 'EACCES' ? 'you may not read it' : code;
    throw new ConfigError([`${file}: ${why}`]);
  }
}
