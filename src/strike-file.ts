import { randomBytes } from 'node:crypto';
import { closeSync, openSync, unlinkSync } from 'node:fs';

/**
 * The file of the strike register: in memory (/dev/shm), and without a name, so that nothing of it is left behind however this process
 * ends. Planes open it through this process.
 */
export class StrikeFile {
  private descriptor: number | undefined = undefined;

  path(): string {
    if (this.descriptor === undefined) {
      const name = `/dev/shm/portico-${randomBytes(8).toString('hex')}`;
      this.descriptor = openSync(name, 'wx+', 0o600);
      unlinkSync(name);
    }
    return `/proc/${process.pid}/fd/${this.descriptor}`;
  }

  close(): void {
    if (this.descriptor !== undefined) closeSync(this.descriptor);
    this.descriptor = undefined;
  }
}
