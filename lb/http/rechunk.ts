import { copyBytes } from '../net/copy-bytes.ts';
import type { ChunkedReader } from './chunked.ts';

/** Of one chunk: eight digits, and two line ends. */
const CHUNK_OVERHEAD_BYTES = 12;
const LAST_CHUNK = '0\r\n';
const LINE_END = '\r\n';
const LAST_BYTES = LAST_CHUNK.length + LINE_END.length;

export interface Rechunked {
  /** The position after what belongs to the body, or -1 for a broken chunk. */
  readonly to: number;
  /** The position after what was written. */
  readonly end: number;
}

/** The room that `rechunk` may need for the next `bytes` bytes of the body that `reader` follows. */
export function rechunkRoom(reader: ChunkedReader, bytes: number): number {
  return bytes + CHUNK_OVERHEAD_BYTES + LAST_BYTES + reader.trailerBytes;
}

/**
 * Writes what of [from, limit) belongs to the chunked body that `reader` follows to `into` at `at`, as one chunk in the plainest form: no
 * extension, no leading zero, and at the end the trailers that may pass, if they are kept. Two receivers that read chunks differently have nothing left to
 * differ about.
 */
export function rechunk(
  reader: ChunkedReader,
  bytes: Buffer,
  from: number,
  limit: number,
  into: Buffer,
  at: number,
  trailers: 'keep' | 'drop',
): Rechunked {
  // The length is known after the data; its digits are as many as those of this upper bound in nearly all cases.
  const dataStart = at + (limit - from).toString(16).length + LINE_END.length;
  let end = dataStart;
  const to = reader.read(bytes, from, limit, (dataFrom, dataTo) => {
    end = copyBytes(bytes, dataFrom, dataTo, into, end);
  });
  if (end > dataStart) {
    const size = `${(end - dataStart).toString(16)}${LINE_END}`;
    const shift = dataStart - at - size.length;
    if (shift > 0) into.copyWithin(dataStart - shift, dataStart, end);
    into.latin1Write(size, at);
    end -= shift;
    end += into.latin1Write(LINE_END, end);
  } else {
    end = at;
  }
  if (reader.isDone) {
    end += into.latin1Write(LAST_CHUNK, end);
    if (trailers === 'keep') end = copyBytes(reader.trailerLines, 0, reader.trailerLines.length, into, end);
    end += into.latin1Write(LINE_END, end);
  }
  return { to, end };
}
