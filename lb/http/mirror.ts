import type { Backend } from './backend.ts';
import type { AnswerSink, Exchange } from './exchange.ts';

const NO_BYTES = Buffer.alloc(0);
/** Copies under way at once from one plane; a mirror that does not keep up misses the others. */
const MOST_UNDER_WAY = 256;

/** What became of copies. */
export interface Mirrored {
  sent: number;
  /** No whole answer came to one that was sent. */
  failed: number;
  /** Not sent: too many were under way, or there was no server for it. */
  dropped: number;
}

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
    if (this.random() >= this.share) return;
    const { mirrored } = this.backend;
    if (this.underWay.size >= MOST_UNDER_WAY) {
      mirrored.dropped++;
      return;
    }
    const copy: Exchange = original.copy(
      new Copy(body, (isWhole) => {
        if (!isWhole) mirrored.failed++;
        this.underWay.delete(copy);
      }),
    );
    (copy.sink as Copy).exchange = copy;
    this.underWay.add(copy);
    if (this.backend.dispatch(copy)) {
      mirrored.sent++;
    } else {
      mirrored.dropped++;
      this.underWay.delete(copy);
    }
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
  private readonly onEnd: (isWhole: boolean) => void;

  constructor(body: Buffer, onEnd: (isWhole: boolean) => void) {
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
    if (isLast) this.onEnd(true);
  }

  onAnswerBody(_bytes: unknown, _from: number, _to: number, isLast: boolean): void {
    if (isLast) this.onEnd(true);
  }

  /** A copy asks for no upgrade. */
  onUpgrade(): void {
    this.onEnd(false);
  }

  onAnswerBroken(): void {
    this.onEnd(false);
  }

  /** It waits for nobody. */
  onShed(): void {}

  onFailed(): void {
    this.onEnd(false);
  }
}
