import { randomBytes } from 'node:crypto';
import { closeSync, openSync, unlinkSync } from 'node:fs';
import type { StrikeRegister } from '../lb/tls/tls-material.ts';

/**
 * The file of the strike register: in memory (/dev/shm), and without a name, so that nothing of it is left behind however this process
 * ends. Planes open it through this process.
 */
export class StrikeFile {
  private descriptor: number | undefined = undefined;
  private known: StrikeRegister | undefined = undefined;

  /** Made with the first call. `areKeysUnused`: no ticket has been given out yet. */
  register(areKeysUnused: boolean): StrikeRegister {
    if (this.known !== undefined) return this.known;
    const name = `/dev/shm/portico-${randomBytes(8).toString('hex')}`;
    this.descriptor = openSync(name, 'wx+', 0o600);
    unlinkSync(name);
    this.known = { file: `/proc/${process.pid}/fd/${this.descriptor}`, isAsOldAsKeys: areKeysUnused };
    return this.known;
  }

  close(): void {
    if (this.descriptor !== undefined) closeSync(this.descriptor);
    this.descriptor = undefined;
    this.known = undefined;
  }
}
