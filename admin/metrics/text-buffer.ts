const FIRST_BYTES = 4096;
const ZERO = '0'.charCodeAt(0);
/** Whole numbers below are written digit by digit. */
const MOST_DIGITS = 10;
const SMALL = 10 ** MOST_DIGITS;

/** Text as UTF-8 that grows by small pieces. Strings that are joined a hundred thousand times cost more in garbage than in their bytes. */
export class TextBuffer {
  private bytes: Buffer;
  private length = 0;

  constructor(expectedBytes = FIRST_BYTES) {
    this.bytes = Buffer.allocUnsafe(Math.max(FIRST_BYTES, expectedBytes));
  }

  private room(bytes: number): void {
    if (this.length + bytes <= this.bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.bytes.length * 2, this.length + bytes));
    this.bytes.copy(larger, 0, 0, this.length);
    this.bytes = larger;
  }

  /** What is UTF-8 already. */
  addBytes(piece: Uint8Array): void {
    this.room(piece.length);
    this.bytes.set(piece, this.length);
    this.length += piece.length;
  }

  addText(text: string): void {
    // A unit of UTF-16 is three bytes at most.
    this.room(text.length * 3);
    this.length += this.bytes.write(text, this.length);
  }

  /** As JavaScript writes it. */
  addNumber(value: number): void {
    if (!(Number.isInteger(value) && value >= 0 && value < SMALL)) {
      this.addText(String(value));
      return;
    }
    this.room(MOST_DIGITS);
    let digits = 1;
    for (let power = 10; power <= value; power *= 10) digits++;
    let rest = value;
    for (let at = this.length + digits - 1; at >= this.length; at--) {
      this.bytes[at] = ZERO + (rest % 10);
      rest = Math.floor(rest / 10);
    }
    this.length += digits;
  }

  /** All of it; nothing may be added after that. */
  finish(): Buffer {
    return this.bytes.subarray(0, this.length);
  }
}
