/**
 * A place to put outgoing bytes together without an allocation for each message. `reserve` gives room, `commit` keeps the bytes: they
 * are never overwritten, so a write that the kernel takes later, or a request that may be sent again, can go on pointing at them; the
 * slab is collected when nothing does. What is reserved and not committed is given out again.
 */
export class Arena {
  slab: Buffer;
  /** Where the next message starts in `slab`. */
  offset = 0;
  private readonly slabBytes: number;

  constructor(slabBytes: number) {
    this.slabBytes = slabBytes;
    this.slab = Buffer.allocUnsafeSlow(slabBytes);
  }

  /** Makes sure that `bytes` can be written to `slab` from `offset` on; both may change. */
  reserve(bytes: number): void {
    if (this.offset + bytes <= this.slab.length) return;
    this.slab = Buffer.allocUnsafeSlow(Math.max(bytes, this.slabBytes));
    this.offset = 0;
  }

  commit(end: number): void {
    this.offset = end;
  }
}
