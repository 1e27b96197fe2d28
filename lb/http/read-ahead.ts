import { appendBytes } from '../net/append-bytes.ts';
import type { ByteStream } from '../net/byte-stream.ts';

/** What a client may send ahead of its turn before it is no longer read. */
const MAX_BYTES = 65536;

/** The start of a head that has not arrived whole, or requests that a client has sent ahead. */
export class ReadAhead {
  private readonly stream: Pick<ByteStream, 'pause'>;
  private bytes: Buffer | undefined = undefined;

  constructor(stream: Pick<ByteStream, 'pause'>) {
    this.stream = stream;
  }

  get isEmpty(): boolean {
    return this.bytes === undefined;
  }

  /** Adds [from, to); its client is read no longer where that is too much. */
  keep(bytes: Buffer, from: number, to: number): void {
    this.bytes = appendBytes(this.bytes, bytes, from, to);
    if (this.bytes.length > MAX_BYTES) this.stream.pause();
  }

  /** All there is, instead of what there was. */
  replace(bytes: Buffer | undefined): void {
    this.bytes = bytes;
  }

  take(): Buffer | undefined {
    const { bytes } = this;
    this.bytes = undefined;
    return bytes;
  }
}
