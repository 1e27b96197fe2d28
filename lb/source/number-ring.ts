const FIRST_CAPACITY = 16;

/** A queue of 16-bit numbers, first in first out; it doubles when full and allocates nothing else. */
export class NumberRing {
  length = 0;
  private numbers = new Uint16Array(FIRST_CAPACITY);
  private head = 0;

  push(number: number): void {
    if (this.length === this.numbers.length) this.grow();
    this.numbers[(this.head + this.length++) & (this.numbers.length - 1)] = number;
  }

  /** Only when `length` > 0. */
  shift(): number {
    const number = this.numbers[this.head]!;
    this.head = (this.head + 1) & (this.numbers.length - 1);
    this.length--;
    return number;
  }

  private grow(): void {
    const larger = new Uint16Array(this.numbers.length * 2);
    for (let i = 0; i < this.length; i++) larger[i] = this.numbers[(this.head + i) & (this.numbers.length - 1)]!;
    this.numbers = larger;
    this.head = 0;
  }
}
