import { ChunkedReader } from './chunked.ts';
import type { Framing, ResponseHead } from './response-head.ts';

/** Follows the body of the answer that a connection is reading; one object for all answers of a connection. */
export class ResponseBody {
  /** How the body ends; undefined between answers. */
  framing: Framing | undefined = undefined;
  private length = 0;
  private remaining = 0;
  private chunked: ChunkedReader | undefined = undefined;

  begin(head: ResponseHead): void {
    this.framing = head.framing;
    this.length = head.framing === 'length' ? head.contentLength : 0;
    this.remaining = this.length;
    this.chunked = head.framing === 'chunked' ? new ChunkedReader() : undefined;
  }

  end(): void {
    this.framing = undefined;
    this.chunked = undefined;
  }

  /** Bytes of the body; 0 for one that ends with the connection. */
  get bytes(): number {
    return this.chunked?.dataBytes ?? this.length;
  }

  /** Returns the position after the bytes of [at, end) that belong to this body, or -1 for a broken chunk. */
  advance(bytes: Buffer, at: number, end: number): number {
    switch (this.framing) {
      case 'length': {
        const take = Math.min(this.remaining, end - at);
        this.remaining -= take;
        return at + take;
      }
      case 'chunked':
        return this.chunked!.read(bytes, at, end);
      case 'close':
        return end;
      default:
        return at;
    }
  }

  get isDone(): boolean {
    switch (this.framing) {
      case 'length':
        return this.remaining === 0;
      case 'chunked':
        return this.chunked!.isDone;
      case 'close':
        return false;
      default:
        return true;
    }
  }
}
