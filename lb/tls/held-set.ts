/**
 * What sessions of one listener are made from, replaced with its certificates. A connection makes its session with its first byte, which may
 * come after that: what it was accepted with stays until then. (A session keeps it by itself.)
 */
export class HeldSet {
  private readonly free: () => void;
  private holders = 0;
  private isDropped = false;

  /** `free` is called once: when it has been dropped and nobody holds it. */
  constructor(free: () => void) {
    this.free = free;
  }

  /** Returns how to let go; more than once does nothing. */
  hold(): () => void {
    let isHeld = true;
    this.holders += 1;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      this.holders -= 1;
      if (this.isDropped && this.holders === 0) this.free();
    };
  }

  /** Once. */
  drop(): void {
    this.isDropped = true;
    if (this.holders === 0) this.free();
  }
}
