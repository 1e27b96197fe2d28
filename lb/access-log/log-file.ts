import { LineBuffer } from './line-buffer.ts';
import type { LogIo } from './log-io.ts';

/** What became of lines. */
export interface LogCounts {
  readonly written: number;
  /** No room was left: the disk is slower than the traffic. */
  readonly dropped: number;
  /** The file system refused them. */
  readonly failed: number;
}

export interface LogFileOptions {
  /** `stdout`, or a path. */
  readonly path: string;
  /** What may wait for the disk. */
  readonly bufferBytes: number;
}

const STDOUT_FD = 1;
/** Written as one: few system calls, and lines of several planes stay whole. */
const CHUNK_BYTES = 65_536;
/** Lines wait no longer than this for more. */
const FLUSH_MS = 200;

/**
 * One log file of one process. Lines gather in memory and are written outside the event loop, one write at a time; when the disk does not
 * keep up, those that find no room are dropped and counted, and traffic never waits.
 */
export class LogFile {
  readonly path: string;
  private readonly io: LogIo;
  private readonly maxChunks: number;
  private fd: number | undefined = undefined;
  private isOpening = false;
  private isReopenDue = false;
  private current: LineBuffer = new LineBuffer(CHUNK_BYTES);
  private readonly full: LineBuffer[] = [];
  private readonly spare: LineBuffer[] = [];
  private isWriting = false;
  private dueAtMs = 0;
  private written = 0;
  private dropped = 0;
  private failed = 0;
  private onIdle: (() => void)[] = [];
  private isClosed = false;

  constructor(deps: { readonly io: LogIo }, { path, bufferBytes }: LogFileOptions) {
    this.io = deps.io;
    this.path = path;
    this.maxChunks = Math.max(2, Math.ceil(bufferBytes / CHUNK_BYTES));
    if (path === 'stdout') this.fd = STDOUT_FD;
  }

  get counts(): LogCounts {
    return { written: this.written, dropped: this.dropped, failed: this.failed };
  }

  /** Something waits for a write that has not ended. */
  get isStalled(): boolean {
    return this.isWriting || this.isOpening;
  }

  /**
   * Room for one line of at most `bytes`, less than a chunk; the caller writes it there and calls `commit`. Undefined: there is none, and
   * the line is counted as dropped.
   */
  reserve(bytes: number): LineBuffer | undefined {
    if (this.current.room < bytes && !this.turnOver()) {
      this.dropped++;
      return undefined;
    }
    return this.current;
  }

  commit(): void {
    this.current.lines++;
  }

  private turnOver(): boolean {
    // One of the chunks is the current one, and one may be with the kernel.
    if (this.full.length + (this.isWriting ? 1 : 0) + 1 >= this.maxChunks) return false;
    this.full.push(this.current);
    this.current = this.spare.pop() ?? new LineBuffer(CHUNK_BYTES);
    this.writeNext();
    return true;
  }

  /** Called by the plane's tick. */
  tick(nowMs: number): void {
    if (this.fd === undefined) this.open();
    if (this.isWriting) return;
    if (this.full.length > 0) this.writeNext();
    if (this.current.end === 0 || this.isWriting || nowMs < this.dueAtMs) return;
    this.dueAtMs = nowMs + FLUSH_MS;
    this.flush();
  }

  private flush(): void {
    if (this.current.end > 0 && this.full.length === 0) {
      this.full.push(this.current);
      this.current = this.spare.pop() ?? new LineBuffer(CHUNK_BYTES);
    }
    this.writeNext();
  }

  /** The file was moved away: from the next write on it is the one of that name. */
  reopen(): void {
    if (this.path === 'stdout') return;
    this.isReopenDue = true;
    if (!this.isWriting) this.open();
  }

  private open(): void {
    if (this.isOpening || this.isClosed) return;
    this.isOpening = true;
    this.isReopenDue = false;
    this.io.open(this.path, (error, fd) => {
      this.isOpening = false;
      // What cannot be opened now is tried with the next tick; until then the old file goes on, if there is one.
      if (error === null) {
        if (this.fd !== undefined) this.io.close(this.fd);
        this.fd = fd;
      }
      this.writeNext();
    });
  }

  private writeNext(): void {
    if (this.isWriting || this.isOpening) return;
    const chunk = this.full[0];
    if (chunk === undefined || this.fd === undefined) {
      this.settle();
      return;
    }
    this.full.shift();
    this.isWriting = true;
    this.write(this.fd, chunk);
  }

  private write(fd: number, chunk: LineBuffer): void {
    this.io.write(fd, chunk.bytes, chunk.start, chunk.end, (error, written) => {
      if (error === null) chunk.start += written;
      if (error === null && chunk.start < chunk.end && written > 0) {
        this.write(fd, chunk);
        return;
      }
      this.isWriting = false;
      if (error?.code === 'EAGAIN') {
        // A pipe that is full, and that somebody made non-blocking: with the next tick.
        this.full.unshift(chunk);
        this.settle();
        return;
      }
      if (error === null) this.written += chunk.lines;
      else this.failed += chunk.lines;
      chunk.clear();
      this.spare.push(chunk);
      if (this.isReopenDue) this.open();
      else this.writeNext();
    });
  }

  private settle(): void {
    const waiting = this.onIdle;
    this.onIdle = [];
    for (const done of waiting) done();
  }

  /** Writes all there is; resolves when that has been done, or cannot be. Never rejects. */
  finish(): Promise<void> {
    return new Promise((resolve) => {
      this.onIdle.push(resolve);
      const chunk = this.current;
      if (chunk.end > 0) {
        this.full.push(chunk);
        this.current = this.spare.pop() ?? new LineBuffer(CHUNK_BYTES);
      }
      this.writeNext();
    });
  }

  /** Nothing is written any more. Idempotent. */
  close(): void {
    this.isClosed = true;
    if (this.fd !== undefined && this.fd !== STDOUT_FD && !this.isWriting) this.io.close(this.fd);
    this.fd = undefined;
    this.full.length = 0;
    this.settle();
  }
}
