import type { AccessLogConfig } from '../../config/config.ts';
import type { Clock } from '../clock.ts';
import type { LogMetrics } from '../metrics/plane-metrics.ts';
import { LogFile } from './log-file.ts';
import type { LogIo } from './log-io.ts';

/** The log files of one process; listeners that name the same file share it. */
export class LogFiles {
  /** Milliseconds since 1970 at zero of the clock; as good as the last tick, since the two drift apart. */
  epochAtZeroMs: number;
  private readonly io: LogIo;
  private readonly epochNow: () => number;
  private readonly files = new Map<string, LogFile>();

  constructor(deps: { readonly io: LogIo; readonly clock: Clock; readonly epochNow: () => number }) {
    this.io = deps.io;
    this.epochNow = deps.epochNow;
    this.epochAtZeroMs = deps.epochNow() - deps.clock.now();
  }

  get({ file, bufferBytes }: AccessLogConfig): LogFile {
    const known = this.files.get(file);
    if (known !== undefined) return known;
    const created = new LogFile({ io: this.io }, { path: file, bufferBytes });
    this.files.set(file, created);
    return created;
  }

  tick(nowMs: number): void {
    if (this.files.size === 0) return;
    this.epochAtZeroMs = this.epochNow() - nowMs;
    for (const file of this.files.values()) file.tick(nowMs);
  }

  /** Files that were moved away are left for new ones of the same names. */
  reopen(): void {
    for (const file of this.files.values()) file.reopen();
  }

  /** Resolves when all lines are written, or cannot be. */
  async finish(): Promise<void> {
    await Promise.all([...this.files.values()].map((file) => file.finish()));
  }

  close(): void {
    for (const file of this.files.values()) file.close();
  }

  get counts(): readonly LogMetrics[] {
    return [...this.files.values()].flatMap(({ path, counts: { written, dropped, failed } }) => [
      { log: path, outcome: 'written', count: written },
      { log: path, outcome: 'dropped', count: dropped },
      { log: path, outcome: 'failed', count: failed },
    ]);
  }
}
