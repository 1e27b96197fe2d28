import { closeSync, openSync } from 'node:fs';
import {
  digestOf,
  formatToken,
  isTokenName,
  type KnownToken,
  newToken,
  readTokens,
} from '../admin/access/token-line.ts';
import type { AdminConfig } from '../config/config.ts';
import { ConfigFileError, readConfigText, writeConfigText } from './config-file.ts';
import { FlagError } from './flag-error.ts';

export interface TokenCommandOptions {
  readonly name: string | undefined;
  readonly isReadOnly: boolean;
  readonly isRemoving: boolean;
  readonly isListing: boolean;
}

export interface TokenCommandDeps {
  readonly out: { write(text: string): unknown };
  readonly err: { write(text: string): unknown };
}

/**
 * Makes a token and prints it, this once: the file has only its hash. A token of the same name is replaced. A running Portico takes it up
 * within a second. Throws ConfigFileError, FlagError.
 */
export async function changeTokens(
  { out, err }: TokenCommandDeps,
  { tokenFile }: AdminConfig,
  { name, isReadOnly, isRemoving, isListing }: TokenCommandOptions,
): Promise<void> {
  if (tokenFile === undefined) {
    throw new ConfigFileError(
      'the config names no file for tokens; set admin.token_file, for example to /etc/portico/tokens.',
    );
  }
  const tokens = await known(tokenFile);
  if (isListing) {
    for (const { name, role } of tokens) out.write(`${name} ${role}\n`);
    return;
  }
  if (name === undefined) throw new FlagError('token takes a name, of whom the token is for');
  if (!isTokenName(name)) throw new FlagError(`"${name}" is no name: letters, digits, "_", ".", "@" and "-"`);
  const others = tokens.filter((token) => token.name !== name);
  if (isRemoving) {
    if (others.length === tokens.length) throw new ConfigFileError(`there is no token called ${name} in ${tokenFile}.`);
    if (others.length === 0) {
      throw new ConfigFileError(
        `${name} is the last token in ${tokenFile}; make another one first, or remove admin.token_file.`,
      );
    }
    await write(tokenFile, others);
    return;
  }
  const token = newToken();
  await write(tokenFile, [...others, { name, role: isReadOnly ? 'read-only' : 'admin', digest: digestOf(token) }]);
  err.write(`${others.length < tokens.length ? 'A new token' : 'The token'} of ${name}, which is not shown again:\n`);
  out.write(`${token}\n`);
}

async function known(file: string): Promise<readonly KnownToken[]> {
  // Made by nobody else in between, and for nobody else to read.
  try {
    closeSync(openSync(file, 'wx', 0o600));
    return [];
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code !== 'EEXIST') throw new ConfigFileError(`${file} cannot be made (${code}).`, { cause });
  }
  const text = await readConfigText(file);
  if (text.trim() === '') return [];
  const result = readTokens(text);
  if (!result.ok) throw new ConfigFileError(`${file} ${result.message}.`);
  return result.tokens;
}

function write(file: string, tokens: readonly KnownToken[]): Promise<void> {
  return writeConfigText(
    file,
    `${['# NAME ROLE sha256:HASH, written by `portico token`', ...tokens.map(formatToken)].join('\n')}\n`,
  );
}
