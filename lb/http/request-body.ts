import type { Arena } from '../net/arena.ts';
import { copyBytes } from '../net/copy-bytes.ts';
import { ChunkedReader } from './chunked.ts';
import { rechunk, rechunkRoom } from './rechunk.ts';
import type { UpstreamConnection } from './upstream-connection.ts';

/** As much of a body as makes the wait for the rest worth a connection to a server. */
const GATHERED_BYTES = 16384;

/**
 * Follows the body of one request: how much of it is still to come, and whether it is within the limit. One of known length is held back
 * until enough of it is there, so that a client which sends it byte by byte holds no connection to a server meanwhile. One in chunks may be
 * half of a conversation, and a client that expects a 100 waits for the server: these pass at once.
 */
export class RequestBody {
  /** What waits for a connection to the server. */
  held: Buffer | undefined = undefined;
  private remaining: number;
  private readonly chunked: ChunkedReader | undefined;
  private readonly isTooLongFromTheStart: boolean;
  private readonly limit: number;
  private readonly passesAtOnce: boolean;
  private partEnd = 0;
  /** As they came, framing included. */
  receivedBytes = 0;

  /** `length` -1: chunked. `isAwaited`: the client sends nothing before the server's word. */
  constructor(length: number, limit: number, isAwaited: boolean) {
    this.remaining = length;
    this.chunked = length < 0 ? new ChunkedReader() : undefined;
    this.limit = limit;
    this.passesAtOnce = isAwaited || length < 0;
    this.isTooLongFromTheStart = length > limit;
  }

  get isComplete(): boolean {
    return this.chunked === undefined ? this.remaining === 0 : this.chunked.isDone;
  }

  /** Enough is there to ask a server. */
  get isReady(): boolean {
    return this.passesAtOnce || this.isComplete || (this.held?.length ?? 0) >= GATHERED_BYTES;
  }

  get isTooLarge(): boolean {
    return this.isTooLongFromTheStart || (this.chunked !== undefined && this.chunked.dataBytes > this.limit);
  }

  /**
   * Puts what of [from, end) belongs to the body into `outgoing`, in the form for the server; `hold` or `send` has to follow at once.
   * Returns the position after it, or -1 for a broken chunk.
   */
  advance(bytes: Buffer, from: number, end: number, outgoing: Arena): number {
    const to = this.put(bytes, from, end, outgoing);
    this.receivedBytes += to - from;
    return to;
  }

  private put(bytes: Buffer, from: number, end: number, outgoing: Arena): number {
    const { chunked } = this;
    if (chunked === undefined) {
      const take = Math.min(this.remaining, end - from);
      this.remaining -= take;
      outgoing.reserve(take);
      this.partEnd = copyBytes(bytes, from, from + take, outgoing.slab, outgoing.offset);
      return from + take;
    }
    outgoing.reserve(rechunkRoom(chunked, end - from));
    // Not every server knows of trailers, and one that does not takes them for the start of the next request.
    const part = rechunk(chunked, bytes, from, end, outgoing.slab, outgoing.offset, 'drop');
    if (part.to >= 0) this.partEnd = part.end;
    return part.to;
  }

  /** Keeps the part for later. */
  hold(outgoing: Arena): void {
    const { held, partEnd } = this;
    if (partEnd > outgoing.offset) {
      const part = outgoing.slab.subarray(outgoing.offset, partEnd);
      this.held = held === undefined ? Buffer.from(part) : Buffer.concat([held, part]);
    }
  }

  /** Sends what was held. False: wait until the connection has taken it. */
  sendHeld(connection: UpstreamConnection): boolean {
    const { held } = this;
    this.held = undefined;
    return held === undefined || connection.writeBody(held);
  }

  /** Sends the part. False: wait as above. */
  send(connection: UpstreamConnection, outgoing: Arena): boolean {
    const isTaken = connection.writeBody(outgoing.view(this.partEnd));
    if (!isTaken) outgoing.commit(this.partEnd);
    return isTaken;
  }
}
