import { open } from 'node:fs/promises';

/** Appends lines to a file, one after the other, each through to the disk. It is opened for each line, so it may be moved away any time. */
export class AuditFile {
  private readonly file: string;
  private last: Promise<void> = Promise.resolve();

  constructor(file: string) {
    this.file = file;
  }

  /** Rejects when the line could not be written. */
  readonly write = (line: string): Promise<void> => {
    const written = this.last.then(() => this.append(line));
    this.last = written.catch(() => {});
    return written;
  };

  private async append(line: string): Promise<void> {
    // Not for everyone to read: it says who runs what.
    const handle = await open(this.file, 'a', 0o640);
    try {
      await handle.appendFile(line);
      await handle.datasync();
    } finally {
      await handle.close();
    }
  }
}
