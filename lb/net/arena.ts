/** Views up to this length are kept for the next message of the same length. */
const CACHED_VIEW_BYTES = 2048;
/** Slabs kept for the next message that the kernel does not take at once. */
const SPARES = 16;

/**
 * A place to put outgoing bytes together without an allocation for each message. `reserve` gives room at `offset`; `commit` keeps the
 * bytes: they are never overwritten, so a write that the kernel takes later can go on pointing at them, and the slab is collected when
 * nothing does. What is reserved and not committed is given out again. A message that fills a slab takes it along instead, by `lend`, and gives it
 * back when it is sent: a new slab for each part of a large body that a client does not take at once costs a third of the time that the part takes.
 */
export class Arena {
  slab: Buffer;
  /** Where the next message starts in `slab`. */
  offset = 0;
  private readonly slabBytes: number;
  /** Views from `viewsOffset`, by length. */
  private views: Uint8Array[] = [];
  private readonly spares: Buffer[] = [];
  private viewsOffset = 0;

  constructor(slabBytes: number) {
    this.slabBytes = slabBytes;
    this.slab = Buffer.allocUnsafeSlow(slabBytes);
  }

  /** Makes sure that `bytes` can be written to `slab` from `offset` on; both may change. */
  reserve(bytes: number): void {
    if (this.offset + bytes <= this.slab.length) return;
    this.slab = Buffer.allocUnsafeSlow(Math.max(bytes, this.slabBytes));
    this.offset = 0;
    this.views = [];
  }

  commit(end: number): void {
    this.offset = end;
  }

  /** As `commit`: the slab is the caller's until it comes back by `takeBack`. Undefined if `end` leaves room for more: it is committed. */
  lend(end: number): Buffer | undefined {
    if (this.offset > 0 || end < this.slab.length / 2) {
      this.commit(end);
      return undefined;
    }
    const lent = this.slab;
    this.slab = this.spares.pop() ?? Buffer.allocUnsafeSlow(this.slabBytes);
    this.views = [];
    return lent;
  }

  takeBack(slab: Buffer): void {
    if (this.spares.length < SPARES) this.spares.push(slab);
  }

  /** The bytes from `offset` to `end`. As long as the kernel takes all at once the offset stands still, and the same few lengths recur. */
  view(end: number): Uint8Array {
    const { offset } = this;
    const length = end - offset;
    if (length > CACHED_VIEW_BYTES) return new Uint8Array(this.slab.buffer, offset, length);
    if (this.viewsOffset !== offset) {
      this.viewsOffset = offset;
      this.views = [];
    }
    const cached = this.views[length];
    if (cached !== undefined) return cached;
    const view = new Uint8Array(this.slab.buffer, offset, length);
    this.views[length] = view;
    return view;
  }
}
