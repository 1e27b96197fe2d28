import { Arena } from '../net/arena.ts';
import type { ByteStream } from '../net/byte-stream.ts';
import { copyBytes } from '../net/copy-bytes.ts';
import type { Exchange } from './exchange.ts';
import type { HttpContext } from './http-context.ts';

const SEND_SLAB_BYTES = 16384;

/**
 * Writes the heads of requests to one server connection, at the end of the tick in which they come: those that are pipelined together leave
 * together, and the servers' processes are woken once for many requests instead of once for each.
 */
export class RequestSender {
  /** Requests written; no more than these can be answered. */
  sent = 0;
  private readonly context: HttpContext;
  private stream: ByteStream | undefined = undefined;
  /** Pipelined requests of this tick. */
  private sending: Arena | undefined = undefined;
  private sendEnd = 0;
  private gathered = 0;
  private isSendDue = false;
  /** The request of this tick, without pipelining. */
  private unsent: Exchange | undefined = undefined;

  constructor(context: HttpContext) {
    this.context = context;
  }

  open(stream: ByteStream): void {
    this.stream = stream;
  }

  /** Nothing more is written. */
  close(): void {
    this.stream = undefined;
    this.unsent = undefined;
  }

  put(exchange: Exchange): void {
    this.unsent = exchange;
    this.context.flushAfterTick(this);
  }

  putShared(exchange: Exchange): void {
    this.sending ??= new Arena(SEND_SLAB_BYTES);
    const { sending } = this;
    const length = exchange.headLength;
    if (this.sendEnd + length > sending.slab.length) {
      this.flush();
      sending.reserve(length);
      this.sendEnd = sending.offset;
    }
    copyBytes(exchange.head, 0, length, sending.slab, this.sendEnd);
    this.sendEnd += length;
    this.gathered++;
    if (this.isSendDue) return;
    this.isSendDue = true;
    this.context.flushAfterTick(this);
  }

  /** It has not been written yet, and will be at the end of the tick. */
  isAboutToSend(exchange: Exchange): boolean {
    return this.unsent === exchange;
  }

  flush(): void {
    this.isSendDue = false;
    const { sending, stream, unsent } = this;
    if (stream === undefined) return;
    if (unsent !== undefined) {
      this.unsent = undefined;
      this.sent++;
      // The kernel may not take all of it at once, and the answer may come before it does: then the buffer is not used again.
      if (!stream.write(new Uint8Array(unsent.head.buffer, 0, unsent.headLength))) unsent.isHeadLent = true;
      unsent.sink.onSent();
    }
    if (sending === undefined || this.sendEnd === sending.offset) return;
    this.sent += this.gathered;
    this.gathered = 0;
    if (!stream.write(sending.view(this.sendEnd))) sending.commit(this.sendEnd);
    this.sendEnd = sending.offset;
  }
}
