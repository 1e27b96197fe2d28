import { timingSafeEqual } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import type { Clock } from '../../lb/clock.ts';
import type { Role } from '../actor.ts';
import { AdminError } from '../admin-error.ts';
import { digestOf, type KnownToken, readTokens } from './token-line.ts';

/** Whom a token is for. */
export interface Tokens {
  /** Undefined for a token that is not known. Takes the same time for each. */
  find(token: string): { readonly name: string; readonly role: Role } | undefined;
}

export interface TokenStoreDeps {
  readonly clock: Clock;
  /** The file cannot be used any more, or has one token in plain: the tokens that are known stay good. */
  readonly onTrouble: (message: string) => void;
}

/** How long a change of the file may go unnoticed. */
const LOOK_MS = 1000;

/** The tokens in a file. It is read again when it changes, so tokens come and go without a restart. */
export class TokenStore implements Tokens {
  private readonly deps: TokenStoreDeps;
  private readonly file: string;
  private tokens: readonly KnownToken[] = [];
  private version = '';
  private lookedAtMs: number;

  /** Throws AdminError. */
  constructor(deps: TokenStoreDeps, file: string) {
    this.deps = deps;
    this.file = file;
    this.lookedAtMs = deps.clock.now();
    this.read();
  }

  find(token: string): { readonly name: string; readonly role: Role } | undefined {
    this.look();
    const digest = digestOf(token);
    let found: KnownToken | undefined;
    // All of them, whether it was found or not.
    for (const each of this.tokens) if (timingSafeEqual(each.digest, digest)) found = each;
    return found;
  }

  private look(): void {
    const now = this.deps.clock.now();
    if (now - this.lookedAtMs < LOOK_MS) return;
    this.lookedAtMs = now;
    try {
      this.read();
    } catch (error) {
      this.deps.onTrouble(`${(error as Error).message} The tokens from before stay good.`);
    }
  }

  private read(): void {
    let text: string;
    let version: string;
    try {
      const { ino, size, mtimeMs, ctimeMs } = statSync(this.file);
      version = `${ino} ${size} ${mtimeMs} ${ctimeMs}`;
      if (version === this.version) return;
      text = readFileSync(this.file, 'utf8');
    } catch (cause) {
      // Once is enough, until there is something else there.
      if (this.version === 'none') return;
      this.version = this.version === '' ? '' : 'none';
      const { code } = cause as NodeJS.ErrnoException;
      throw new AdminError(
        'ADMIN_TOKEN',
        `admin.token_file ${this.file} cannot be read (${code}); \`portico token NAME\` makes one.`,
        { cause },
      );
    }
    this.version = version;
    const result = readTokens(text);
    if (!result.ok) throw new AdminError('ADMIN_TOKEN', `admin.token_file ${this.file} ${result.message}.`);
    this.tokens = result.tokens;
  }
}
