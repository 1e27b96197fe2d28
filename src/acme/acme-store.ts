import { X509Certificate } from 'node:crypto';
import { chmod, mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { OrderedName } from '../../config/acme-config.ts';
import { readPair } from '../../config/certificate-files.ts';
import { replaceFile } from '../replace-file.ts';
import { AcmeError } from './acme-error.ts';

/** What is there of one name. */
export type Stored =
  /** Nothing that can be used. */
  | { readonly kind: 'none' }
  /** A certificate that nobody has signed but itself. */
  | { readonly kind: 'placeholder' }
  /** Milliseconds since 1970. */
  | { readonly kind: 'issued'; readonly fromMs: number; readonly untilMs: number };

/** Attempts that have failed in a row, the one under way among them: whoever dies in the middle of one has failed, too. */
export interface Attempts {
  readonly failures: number;
  /** When the last began; milliseconds since 1970. */
  readonly lastMs: number;
  /** The authority wants no other before; milliseconds since 1970. */
  readonly notBeforeMs?: number;
}

const NEVER: Attempts = { failures: 0, lastMs: 0 };

/**
 * The folder of one account: its key, the certificates with their keys, and what is known of attempts that failed, so that a Portico that
 * starts again and again does not order again and again. All of it is for the owner alone, and each file is replaced at once.
 */
export class AcmeStore {
  private readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  /** Makes the folder. Throws AcmeError. */
  async open(): Promise<void> {
    try {
      await mkdir(this.folder, { recursive: true, mode: 0o700 });
      await chmod(this.folder, 0o700);
    } catch (cause) {
      throw this.whyNotKept(cause);
    }
  }

  private whyNotKept(cause: unknown): AcmeError {
    const { code } = cause as NodeJS.ErrnoException;
    const advice =
      code === 'ENOSPC' || code === 'EDQUOT'
        ? 'make room on that disk'
        : 'make the folder for the user that Portico runs as';
    return new AcmeError(
      `certificates cannot be kept in ${this.folder} (${code}); ${advice}, or name another in "acme.storage"`,
      { cause },
    );
  }

  /** The key of the account, PEM; made by `create` the first time. */
  async accountKey(create: () => string): Promise<string> {
    const file = join(this.folder, 'account.key');
    try {
      return await readFile(file, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
    const key = create();
    await replaceFile(file, key, { mode: 0o600 });
    return key;
  }

  async look({ host, file }: OrderedName): Promise<Stored> {
    const text = await readFile(file, 'utf8').catch(() => undefined);
    if (text === undefined) return { kind: 'none' };
    try {
      const { cert } = readPair({ cert: file, key: file }, () => text);
      const leaf = new X509Certificate(cert.slice(cert.indexOf('-----BEGIN CERTIFICATE-----')));
      if (leaf.checkHost(host) === undefined) return { kind: 'none' };
      if (leaf.checkIssued(leaf)) return { kind: 'placeholder' };
      return { kind: 'issued', fromMs: Date.parse(leaf.validFrom), untilMs: Date.parse(leaf.validTo) };
    } catch {
      return { kind: 'none' };
    }
  }

  /** `pem`: the key, the certificate, and those that lead to its root. Throws AcmeError. */
  async keep({ file }: OrderedName, pem: string): Promise<void> {
    try {
      await replaceFile(file, pem, { mode: 0o600 });
    } catch (cause) {
      throw this.whyNotKept(cause);
    }
  }

  async attempts(host: string): Promise<Attempts> {
    try {
      const { failures, lastMs, notBeforeMs } = JSON.parse(await readFile(this.attemptsFile(host), 'utf8')) as Attempts;
      if (!Number.isSafeInteger(failures) || !Number.isFinite(lastMs)) return NEVER;
      return { failures, lastMs, ...(Number.isFinite(notBeforeMs) ? { notBeforeMs: notBeforeMs! } : {}) };
    } catch {
      return NEVER;
    }
  }

  async setAttempts(host: string, attempts: Attempts): Promise<void> {
    if (attempts.failures === 0) await rm(this.attemptsFile(host), { force: true });
    else await replaceFile(this.attemptsFile(host), JSON.stringify(attempts), { mode: 0o600 });
  }

  private attemptsFile(host: string): string {
    return join(this.folder, `${host}.attempts.json`);
  }
}
