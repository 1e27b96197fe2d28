import { createHash, randomBytes } from 'node:crypto';
import type { Role } from '../actor.ts';

/** A token as its file has it: who it is for, what it may, and the hash that it is recognised by. */
export interface KnownToken {
  readonly name: string;
  readonly role: Role;
  /** SHA-256: tokens are 256 random bits, so there is nothing to be found by trying. */
  readonly digest: Buffer;
}

export type ReadTokens =
  | { readonly ok: true; readonly tokens: readonly KnownToken[]; readonly hasPlain: boolean }
  | { readonly ok: false; readonly message: string };

const NAME = /^[A-Za-z0-9][A-Za-z0-9_.@-]{0,62}$/;
const LINE = /^(\S+)\s+(admin|read-only)\s+sha256:([0-9a-f]{64})$/;

export const digestOf = (token: string): Buffer => createHash('sha256').update(token).digest();

/**
 * Reads a token file: a line `NAME ROLE sha256:HASH` for each token, empty lines and comments (`#`) besides; or one token as it is, which
 * is an administrator's and called `token`.
 */
export function readTokens(text: string): ReadTokens {
  const lines = text.split('\n').map((line) => line.trim());
  const filled = lines.filter((line) => line !== '' && !line.startsWith('#'));
  if (filled.length === 0) return { ok: false, message: 'is empty; `portico token NAME` puts a token into it' };
  if (filled.length === 1 && /^[\x21-\x7e]+$/.test(filled[0]!)) {
    return { ok: true, tokens: [{ name: 'token', role: 'admin', digest: digestOf(filled[0]!) }], hasPlain: true };
  }
  const tokens = new Map<string, KnownToken>();
  for (const [i, line] of lines.entries()) {
    if (line === '' || line.startsWith('#')) continue;
    const match = LINE.exec(line);
    // What a line holds may be a token: it is not shown.
    if (match === null || !NAME.test(match[1]!)) {
      return {
        ok: false,
        message: `has no token in line ${i + 1}; a line is NAME ROLE sha256:HASH, as \`portico token\` writes it`,
      };
    }
    const [, name = '', role = '', hash = ''] = match;
    if (tokens.has(name)) return { ok: false, message: `has two tokens called ${name}` };
    tokens.set(name, { name, role: role as Role, digest: Buffer.from(hash, 'hex') });
  }
  return { ok: true, tokens: [...tokens.values()], hasPlain: false };
}

export const isTokenName = (name: string): boolean => NAME.test(name);

/** A new token, to be shown once. */
export const newToken = (): string => `pt_${randomBytes(32).toString('base64url')}`;

export const formatToken = ({ name, role, digest }: KnownToken): string =>
  `${name} ${role} sha256:${digest.toString('hex')}`;
