import type { Arena } from '../net/arena.ts';
import { copyBytes } from '../net/copy-bytes.ts';
import { ChunkedReader } from './chunked.ts';
import type { UpstreamConnection } from './upstream-connection.ts';

/** Follows the body of one request: how much of it is still to come, and whether it is within the limit. */
export class RequestBody {
  /** What came with the head and waits for a connection to the server. */
  private held: Buffer | undefined = undefined;
  private remaining: number;
  private readonly chunked: ChunkedReader | undefined;
  private readonly isTooLongFromTheStart: boolean;
  private readonly limit: number;

  /** `length` -1: chunked. */
  constructor(length: number, limit: number) {
    this.remaining = length;
    this.chunked = length < 0 ? new ChunkedReader() : undefined;
    this.limit = limit;
    this.isTooLongFromTheStart = length > limit;
  }

  get isComplete(): boolean {
    return this.chunked === undefined ? this.remaining === 0 : this.chunked.isDone;
  }

  get isTooLarge(): boolean {
    return this.isTooLongFromTheStart || (this.chunked !== undefined && this.chunked.dataBytes > this.limit);
  }

  /** Returns the position after what of [from, end) belongs to the body, or -1 for a broken chunk. */
  advance(bytes: Buffer, from: number, end: number): number {
    if (this.chunked !== undefined) return this.chunked.read(bytes, from, end);
    const take = Math.min(this.remaining, end - from);
    this.remaining -= take;
    return from + take;
  }

  /** Keeps what came with the head. Returns whether there is something to wait for: kept bytes, or more to come. */
  hold(bytes: Buffer, from: number, to: number): boolean {
    if (to > from) this.held = Buffer.from(bytes.subarray(from, to));
    return this.held !== undefined || !this.isComplete;
  }

  /** Sends what was held. False: wait until the connection has taken it. */
  sendHeld(connection: UpstreamConnection): boolean {
    const { held } = this;
    this.held = undefined;
    return held === undefined || connection.writeBody(held);
  }

  /** Sends [from, to) by way of `outgoing`, since `bytes` are overwritten by the next read. False: wait as above. */
  send(connection: UpstreamConnection, outgoing: Arena, bytes: Buffer, from: number, to: number): boolean {
    outgoing.reserve(to - from);
    const end = copyBytes(bytes, from, to, outgoing.slab, outgoing.offset);
    const isTaken = connection.writeBody(outgoing.view(end));
    if (!isTaken) outgoing.commit(end);
    return isTaken;
  }
}
