import type { ListenerLimits } from '../../config/limits-config.ts';
import { appendBytes } from '../net/append-bytes.ts';
import { INCOMPLETE } from './fields.ts';
import { CR, hasLineEnd, LF } from './grammar.ts';
import { HEAD_TOO_LARGE, type Refusal, type RequestHead } from './request-head.ts';

const NOTHING = Buffer.alloc(0);

/**
 * Puts together the request head that a client sends in as many pieces as it likes. One object serves a whole process: what a client has
 * sent of a head so far, its caller keeps.
 */
export class RequestIntake {
  /** Of a whole head: where it stands, where it ends, and where what was read with it ends. */
  bytes: Buffer = NOTHING;
  headEnd = 0;
  end = 0;
  /** Of one that is refused. */
  refusal: Refusal = HEAD_TOO_LARGE;
  /** Of one that is not whole: to be given back with the next piece. */
  partial: Buffer | undefined = undefined;
  private readonly head: RequestHead;

  constructor(head: RequestHead) {
    this.head = head;
  }

  /** `ahead`: what came before the `length` bytes of `buffer`. `nothing`: no byte of a head has come yet. */
  read(
    ahead: Buffer | undefined,
    buffer: Buffer,
    length: number,
    limits: ListenerLimits,
  ): 'nothing' | 'partial' | 'whole' | 'refused' {
    this.partial = undefined;
    if (ahead === undefined) return this.parse(buffer, length, limits);
    const whole = appendBytes(ahead, buffer, 0, length);
    // Without a line end nothing has been completed: a head that comes byte by byte is not read anew for each of them.
    if (length > 0 && !hasLineEnd(buffer, length) && whole.length <= limits.headerBytes) {
      this.partial = whole;
      return 'partial';
    }
    return this.parse(whole, whole.length, limits);
  }

  private parse(
    bytes: Buffer,
    end: number,
    { headerBytes, headerCount }: ListenerLimits,
  ): 'nothing' | 'partial' | 'whole' | 'refused' {
    let start = 0;
    // RFC 9112 §2.2: empty lines before a request are passed over.
    while (start + 1 < end && bytes[start] === CR && bytes[start + 1] === LF) start += 2;
    if (start === end) return 'nothing';
    const { head } = this;
    const isHalfEmptyLine = start + 1 === end && bytes[start] === CR;
    const headEnd = isHalfEmptyLine ? INCOMPLETE : head.parse(bytes, start, end);
    if (headEnd < 0) {
      this.refusal = head.refusal!;
      return 'refused';
    }
    const seen = (headEnd > 0 ? headEnd : end) - start;
    if (seen > headerBytes || (headEnd > 0 && head.fields.count > headerCount)) {
      this.refusal = HEAD_TOO_LARGE;
      return 'refused';
    }
    if (headEnd === INCOMPLETE) {
      this.partial = appendBytes(undefined, bytes, start, end);
      return 'partial';
    }
    this.bytes = bytes;
    this.headEnd = headEnd;
    this.end = end;
    return 'whole';
  }
}
