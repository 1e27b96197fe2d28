import { existsSync } from 'node:fs';
import { defaultConfigPath } from '../config/default-config.ts';
import { formatFault } from '../config/fault.ts';
import { ConfigError, loadConfigFile } from './load-config-file.ts';

/** The file that a command reads; without one, that of this folder, or else the built-in example. */
export function commandConfigPath(file: string | undefined): string {
  return file ?? (existsSync('portico.yaml') ? 'portico.yaml' : defaultConfigPath());
}

/** The config of a command; without a file, the one in this folder, or else the built-in example. Throws ConfigError. */
export function loadCommandConfig(
  file: string | undefined,
): Extract<ReturnType<typeof loadConfigFile>, { readonly ok: true }> {
  const loaded = loadConfigFile(commandConfigPath(file));
  if (!loaded.ok) throw new ConfigError(loaded.faults.map(formatFault));
  return loaded;
}

/** What a person is told of an error that has a code. Throws any other: that is a bug. */
export function explainError(error: unknown): string {
  if (error instanceof ConfigError) return error.message;
  if (typeof (error as { code?: unknown }).code !== 'string') throw error;
  return `portico: ${(error as Error).message}`;
}
