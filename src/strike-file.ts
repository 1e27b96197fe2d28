import { randomBytes } from 'node:crypto';
import { closeSync, openSync, unlinkSync, writeFileSync } from 'node:fs';
import { CertificateError } from '../config/certificate-files.ts';
import { STRIKE_BYTES } from '../lb/tls/strike-size.ts';
import type { StrikeRegister } from '../lb/tls/tls-material.ts';

/**
 * The file of the strike register: in memory (/dev/shm), and without a name, so that nothing of it is left behind however this process
 * ends. Planes open it through this process.
 */
export class StrikeFile {
  private descriptor: number | undefined = undefined;
  private known: StrikeRegister | undefined = undefined;

  /** Made with the first call. `areKeysUnused`: no ticket has been given out yet. Throws CertificateError where there is no such memory. */
  register(areKeysUnused: boolean): StrikeRegister {
    if (this.known !== undefined) return this.known;
    const name = `/dev/shm/portico-${randomBytes(8).toString('hex')}`;
    try {
      this.descriptor = openSync(name, 'wx+', 0o600);
      unlinkSync(name);
      // Whoever writes to mapped memory that the file system has no room for is killed (SIGBUS), so the room is taken now.
      writeFileSync(this.descriptor, Buffer.alloc(STRIKE_BYTES));
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException;
      this.close();
      throw new CertificateError(
        `early data needs memory that planes share, and there is none in /dev/shm (${code}); mount it with 8 MiB or more, or take "early_data" out`,
        { cause },
      );
    }
    this.known = { file: `/proc/${process.pid}/fd/${this.descriptor}`, isAsOldAsKeys: areKeysUnused };
    return this.known;
  }

  close(): void {
    if (this.descriptor !== undefined) closeSync(this.descriptor);
    this.descriptor = undefined;
    this.known = undefined;
  }
}
