import type { AccessRecord } from './access-record.ts';
import type { LineBuffer } from './line-buffer.ts';

/** A request as positions in the bytes it was read from. */
export interface LoggedRequest {
  readonly bytes: Uint8Array;
  readonly methodStart: number;
  readonly methodEnd: number;
  readonly targetStart: number;
  readonly targetEnd: number;
  readonly hostStart: number;
  readonly hostEnd: number;
  readonly isOld: boolean;
  /** Index of the first field of that name, in lower case, or -1; then where its value is. */
  findField(name: string): number;
  valueStart(field: number): number;
  valueEnd(field: number): number;
}

export interface LogClient {
  readonly address: string;
  readonly port: number;
  /** Made by the first line of JSON that names it. */
  json: Buffer | undefined;
}

/** How a request came to its end. */
export interface LogOutcome {
  readonly status: number;
  /** `ok`, or why it ended otherwise. */
  readonly end: string;
  readonly endedAtMs: number;
}

/** What is kept of each part of a request: more is no use to a reader, and lets one client fill the disk. */
export const MOST_BYTES = { method: 32, target: 4096, host: 256, field: 1024 } as const;
/** Four fields at most. An escape makes six bytes of one, and each part has a name and quotes. */
export const MOST_TEXT_BYTES =
  (MOST_BYTES.method + MOST_BYTES.target + MOST_BYTES.host + 4 * MOST_BYTES.field) * 6 + 256;

/** One kind of line. The two halves are written at different times: the bytes of a request are gone when its answer ends. */
export interface LogFormat {
  /** The request's part, into `record.text`; what is longer than MOST_BYTES is cut. */
  keep(record: AccessRecord, request: LoggedRequest, requestId: string | undefined): void;
  /** The whole line, with its end. `epochMs`: when the request came. */
  write(line: LineBuffer, record: AccessRecord, outcome: LogOutcome, epochMs: number): void;
}
