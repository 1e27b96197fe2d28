import type { Backend } from './backend.ts';
import { type AnswerSink, Exchange } from './exchange.ts';

const NO_BYTES = Buffer.alloc(0);
/** Copies under way at once from one plane; a mirror that does not keep up misses the others. */
const MOST_UNDER_WAY = 256;

/** Sends copies of requests to another backend. Their answers are thrown away, and nothing that becomes of them is felt by a client. */
export class Mirror {
  private readonly backend: Backend;
  private readonly share: number;
  private readonly random: () => number;
  private readonly underWay = new Set<Exchange>();

  constructor(deps: { readonly backend: Backend; readonly random: () => number }, percent: number) {
    this.backend = deps.backend;
    this.random = deps.random;
    this.share = percent / 100;
  }

  /** `original` has its head; `body` is all of its body. */
  copy(original: Exchange, body: Buffer = NO_BYTES): void {
    if (this.underWay.size >= MOST_UNDER_WAY || this.random() >= this.share) return;
    const copy = new Exchange(new Copy(body, () => this.underWay.delete(copy)));
    copy.isHead = original.isHead;
    copy.isPipelinable = original.isPipelinable;
    copy.isRepeatable = original.isRepeatable;
    copy.head = Buffer.allocUnsafeSlow(original.headLength);
    copy.headLength = original.head.copy(copy.head, 0, 0, original.headLength);
    copy.hashKey = original.hashKey;
    (copy.sink as Copy).exchange = copy;
    this.underWay.add(copy);
    if (!this.backend.dispatch(copy)) this.underWay.delete(copy);
  }

  get isBusy(): boolean {
    return this.underWay.size > 0;
  }

  /** Gives up what is under way: no client does it when the plane ends. */
  stop(): void {
    for (const copy of this.underWay) copy.cancel();
    this.underWay.clear();
  }
}

/** What a client is to a request, for one that has none. */
class Copy implements AnswerSink {
  exchange!: Exchange;
  private body: Buffer;
  private readonly onEnd: () => void;

  constructor(body: Buffer, onEnd: () => void) {
    this.body = body;
    this.onEnd = onEnd;
  }

  onSent(): void {
    const { body } = this;
    this.body = NO_BYTES;
    if (body.length > 0) this.exchange.connection?.writeBody(body);
  }

  onInterim(): void {}

  onAnswer(_head: unknown, _bytes: unknown, _from: number, _to: number, isLast: boolean): void {
    if (isLast) this.onEnd();
  }

  onAnswerBody(_bytes: unknown, _from: number, _to: number, isLast: boolean): void {
    if (isLast) this.onEnd();
  }

  /** A copy asks for no upgrade. */
  onUpgrade(): void {
    this.onEnd();
  }

  onAnswerBroken(): void {
    this.onEnd();
  }

  /** It waits for nobody. */
  onShed(): void {}

  onFailed(): void {
    this.onEnd();
  }
}
