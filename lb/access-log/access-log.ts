import type { AccessLogConfig } from '../../config/config.ts';
import { AccessRecord } from './access-record.ts';
import { CommonFormat } from './common-format.ts';
import { JsonFormat } from './json-format.ts';
import type { LogFile } from './log-file.ts';
import type { LogFiles } from './log-files.ts';
import type { LogFormat, LoggedRequest } from './log-format.ts';

/** More of a line than the request's own part can take. */
const FIXED_BYTES = 1024;
/** As many as requests are usually under way; more are left to the garbage collector. */
const MAX_KEPT = 4096;
const OK = 'ok';

export interface AccessLogDeps {
  readonly files: LogFiles;
  readonly random: () => number;
}

/** The access log of one listener: a line for each request, when that is over. */
export class AccessLog {
  private readonly deps: AccessLogDeps;
  private readonly file: LogFile;
  private readonly format: LogFormat;
  private readonly sample: number;
  private readonly spare: AccessRecord[] = [];

  constructor(deps: AccessLogDeps, listener: string, config: AccessLogConfig) {
    const { format, sample } = config;
    this.deps = deps;
    this.file = deps.files.get(config);
    this.format = format === 'json' ? new JsonFormat(listener) : new CommonFormat(format === 'combined');
    this.sample = sample;
  }

  /** A record to be given to `finish`, whatever becomes of the request. `request` undefined: it could not be read. */
  begin(nowMs: number, request: LoggedRequest | undefined, headBytes: number, requestId?: string): AccessRecord {
    const record = this.spare.pop() ?? new AccessRecord();
    record.begin(nowMs);
    if (request === undefined) return record;
    record.reserve(headBytes + (requestId?.length ?? 0));
    this.format.keep(record, request, requestId);
    return record;
  }

  /** Writes the line, unless the request is one of those that are left out. Those that failed never are. */
  finish(record: AccessRecord, status: number, end: string, nowMs: number): void {
    const { sample, deps } = this;
    if (sample === 1 || end !== OK || status >= 500 || deps.random() < sample) {
      const line = this.file.reserve(record.text.end + FIXED_BYTES);
      if (line !== undefined) {
        const epochMs = deps.files.epochAtZeroMs + record.startedAtMs;
        this.format.write(line, record, { status, end, endedAtMs: nowMs }, epochMs);
        this.file.commit();
      }
    }
    if (this.spare.length < MAX_KEPT) this.spare.push(record);
  }
}
