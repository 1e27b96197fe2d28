import type { ByteStream } from '../net/byte-stream.ts';
import { AnswerWriter } from './answer-writer.ts';
import type { Exchange } from './exchange.ts';
import type { FieldEdits } from './field-edits.ts';
import type { HttpContext } from './http-context.ts';
import { Pace } from './pace.ts';
import type { RequestView } from './request-view.ts';
import type { ResponseHead } from './response-head.ts';
import { writeInterimHead } from './response-writer.ts';

/** Sends the answers to one client, one after the other. What a method returns is whether the kernel took all of it at once. */
export class AnswerSender {
  private readonly stream: ByteStream;
  private readonly context: HttpContext;
  private readonly writer = new AnswerWriter();
  private readonly bytesPerSecond: number;
  /** From the first part on that had to wait for its client. */
  private pace: Pace | undefined = undefined;
  /** Slabs that the kernel has not taken whole. */
  private readonly lent: Buffer[] = [];

  /** `bytesPerSecond`: what a client has to take. */
  constructor(deps: { readonly stream: ByteStream; readonly context: HttpContext }, bytesPerSecond: number) {
    this.stream = deps.stream;
    this.context = deps.context;
    this.bytesPerSecond = bytesPerSecond;
  }

  /** Of the answer begun last. */
  get status(): number {
    return this.writer.status;
  }

  /** `view` is that of the request, where there is one. */
  expect(edits: FieldEdits | undefined, view: RequestView | undefined): void {
    this.writer.expect(edits, view);
  }

  /** As `AnswerWriter.begin`. */
  begin(head: ResponseHead, isOldClient: boolean, exchange: Exchange): boolean {
    this.pace = undefined;
    return this.writer.begin(head, isOldClient, exchange);
  }

  sendInterim(head: ResponseHead, bytes: Buffer, headEnd: number): boolean {
    return this.send(writeInterimHead(this.context.outgoing, head, bytes, headEnd));
  }

  /** As `AnswerWriter.writeHead`. */
  sendHead(head: ResponseHead, bytes: Buffer, from: number, to: number, isLast: boolean, closes: boolean): boolean {
    const end = this.writer.writeHead(this.context.outgoing, head, bytes, from, to, isLast, closes);
    if (!isLast) this.stream.disableNagle();
    return this.send(end);
  }

  sendPart(bytes: Buffer, from: number, to: number, isLast: boolean): boolean {
    return this.send(this.writer.writePart(this.context.outgoing, bytes, from, to, isLast));
  }

  /** The client has taken all that there was. Returns false for one that takes too little on average. */
  onDrained(): boolean {
    for (let slab = this.lent.pop(); slab !== undefined; slab = this.lent.pop()) this.context.outgoing.takeBack(slab);
    return this.pace?.settle(this.context.tickMs) !== false;
  }

  /** A whole answer that no server gave. */
  sendOwn(status: number, answer: Buffer): boolean {
    this.writer.status = status;
    return this.stream.write(answer);
  }

  /** Sends what stands in the outgoing arena up to `end`. */
  private send(end: number): boolean {
    const { outgoing, tickMs } = this.context;
    const bytes = end - outgoing.offset;
    const isTaken = this.stream.write(outgoing.view(end));
    this.pace?.add(bytes);
    if (isTaken) return true;
    const lent = outgoing.lend(end);
    if (lent !== undefined) this.lent.push(lent);
    if (this.pace === undefined) {
      this.pace = new Pace(this.bytesPerSecond);
      this.pace.add(bytes);
    }
    this.pace.await(tickMs);
    return false;
  }
}
