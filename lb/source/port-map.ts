import { BLOCK_SHIFT, BLOCKS_PER_ADDRESS, WORDS_PER_BLOCK } from './port-block.ts';
import { CHUNK_SHIFT, type PortRecords } from './port-records.ts';
import type { PortChange, SourcePorts } from './source-ports.ts';

/**
 * The upper two bits of a record say what a port is; the lower 30 of one in a queue hold the next in it, 0 at the end. A port in the queue
 * of free ones that has become unusable is void: it is passed over when its turn comes.
 */
const STATE = 0b11 << 30;
const FREE = 0;
const IN_USE = 0b01 << 30;
const RESTING = 0b10 << 30;
const VOID = 0b11 << 30;
/** Of a port in use: an audit has found its socket; the last audit has not. */
const SEEN = 1 << 29;
const MISSED = 1 << 28;
const LEASE = STATE | 0xffff;

/**
 * The ports of one source towards one destination. Ports that were never used here are taken from the source's blocks as they are needed,
 * so memory grows with the ports touched; those that were used and are free again wait in a queue.
 */
export class PortMap {
  used = 0;
  quarantined = 0;
  aside = 0;
  private readonly source: SourcePorts;
  private readonly records: PortRecords;
  /** Ports in use or at rest that are usable. */
  private busyUsable = 0;
  /** In the queue, void ones too. */
  private queued = 0;
  private head = 0;
  private tail = 0;
  /** Every word before it has only touched or unusable ports. */
  private freshWord = 0;
  /** By place and word: ports with a record. */
  private readonly touched: number[] = [];
  /** By place and word: the chunk of records, 0 where there is none. */
  private readonly chunks: number[] = [];

  constructor(source: SourcePorts, records: PortRecords) {
    this.source = source;
    this.records = records;
  }

  /** Ports that `take` could give now. */
  get free(): number {
    return this.source.usablePorts - this.busyUsable;
  }

  /** Ports that hold memory. */
  get touchedPorts(): number {
    return this.queued + this.used + this.quarantined + this.aside;
  }

  /** The free port that has not been used for longest. Only when `free` > 0. `generation`: what gives it back has to bring the same. */
  take(generation: number): number {
    let port = this.takeFresh();
    if (port === 0) port = this.shiftQueue();
    this.write(port, IN_USE | generation);
    this.used++;
    this.busyUsable++;
    this.source.busy[this.source.placeOf(port)]!++;
    return port;
  }

  /** 0 when every usable port has been touched. */
  private takeFresh(): number {
    const { usable, blocks } = this.source;
    for (; this.freshWord < usable.length; this.freshWord++) {
      const at = this.freshWord;
      if (at >= this.touched.length) this.grow(at + WORDS_PER_BLOCK);
      const fresh = usable[at]! & ~this.touched[at]!;
      if (fresh === 0) continue;
      const lowest = fresh & -fresh;
      this.touched[at]! |= lowest;
      if (this.chunks[at] === 0) this.chunks[at] = this.records.take();
      const word = at % WORDS_PER_BLOCK;
      return (blocks[(at - word) / WORDS_PER_BLOCK]! << BLOCK_SHIFT) + (word << CHUNK_SHIFT) + 31 - Math.clz32(lowest);
    }
    return 0;
  }

  private grow(words: number): void {
    while (this.touched.length < words) {
      this.touched.push(0);
      this.chunks.push(0);
    }
  }

  private shiftQueue(): number {
    for (;;) {
      const port = this.head;
      const record = this.read(port);
      this.head = record & ~STATE;
      this.queued--;
      if ((record & STATE) === FREE) return port;
      this.forget(port);
    }
  }

  private forget(port: number): void {
    const at = this.wordOf(port);
    this.touched[at]! &= ~(1 << (port & 31));
    this.write(port, FREE);
    if (at < this.freshWord) this.freshWord = at;
  }

  /** Leased with this generation, and not given back yet. */
  isInUse(port: number, generation: number): boolean {
    return this.chunkOf(port) !== 0 && (this.read(port) & LEASE) === (IN_USE | generation);
  }

  /** An audit has found a socket with this port. False if it is not in use here. */
  markSeen(port: number): boolean {
    if (this.chunkOf(port) === 0) return false;
    const record = this.read(port);
    if ((record & STATE) !== IN_USE) return false;
    this.write(port, record | SEEN);
    return true;
  }

  /** The end of an audit: the ports in use whose sockets neither this one nor the one before has found, with their generations. */
  *takeMissed(): Iterable<{ readonly port: number; readonly generation: number }> {
    for (const port of this.touchedPortNumbers()) {
      const record = this.read(port);
      if ((record & STATE) !== IN_USE) continue;
      const isSeen = (record & SEEN) !== 0;
      if (!isSeen && (record & MISSED) !== 0) yield { port, generation: record & ~(STATE | SEEN | MISSED) };
      else this.write(port, (record & LEASE) | (isSeen ? 0 : MISSED));
    }
  }

  private *touchedPortNumbers(): Iterable<number> {
    for (const [at, bits] of this.touched.entries()) {
      const block = this.source.blocks[(at - (at % WORDS_PER_BLOCK)) / WORDS_PER_BLOCK]!;
      const base = (block << BLOCK_SHIFT) + ((at % WORDS_PER_BLOCK) << CHUNK_SHIFT);
      for (let left = bits; left !== 0; left &= left - 1) yield base + 31 - Math.clz32(left & -left);
    }
  }

  /** In use or at rest. */
  isBusy(port: number): boolean {
    if (this.chunkOf(port) === 0) return false;
    const state = this.read(port) & STATE;
    return state === IN_USE || state === RESTING;
  }

  /** Those that `take` would give one after the other. */
  *freePorts(): Iterable<number> {
    for (const port of this.source.usablePortNumbers()) {
      if ((((this.touched[this.wordOf(port)] ?? 0) >>> (port & 31)) & 1) === 0) yield port;
    }
    let port = this.head;
    for (let left = this.queued; left > 0; left--) {
      const record = this.read(port);
      if ((record & STATE) === FREE) yield port;
      port = record & ~STATE;
    }
  }

  /** A port in use becomes a resting one; false, and nothing else, if it was not leased with this generation. */
  rest(port: number, generation: number): boolean {
    if (!this.isInUse(port, generation)) return false;
    this.write(port, RESTING);
    this.used--;
    return true;
  }

  /** A resting port is free again, the last in the queue. False if it has become unusable meanwhile. */
  wake(port: number): boolean {
    this.source.busy[this.source.placeOf(port)]!--;
    if (!this.source.isUsable(port)) {
      this.forget(port);
      return false;
    }
    this.busyUsable--;
    if (this.queued++ === 0) this.head = port;
    else this.write(this.tail, (this.read(this.tail) & STATE) | port);
    this.write(port, FREE);
    this.tail = port;
    return true;
  }

  /** What follows the port in its queue. */
  link(port: number): number {
    return this.read(port) & ~STATE;
  }

  /** Of a resting port. */
  setLink(port: number, next: number): void {
    this.write(port, RESTING | next);
  }

  /** By block, ports in use and at rest. */
  use(): { readonly used: Uint8Array; readonly quarantined: Uint8Array } {
    const used = new Uint8Array(BLOCKS_PER_ADDRESS);
    const quarantined = new Uint8Array(BLOCKS_PER_ADDRESS);
    for (const port of this.touchedPortNumbers()) {
      const state = this.read(port) & STATE;
      if (state === IN_USE) used[port >>> BLOCK_SHIFT]!++;
      else if (state === RESTING) quarantined[port >>> BLOCK_SHIFT]!++;
    }
    return { used, quarantined };
  }

  /** The source tells what has become usable or ceased to be. */
  onChange({ place, word, gained, lost }: PortChange): void {
    const at = place * WORDS_PER_BLOCK + word;
    if (gained !== 0 && at < this.freshWord) this.freshWord = at;
    const changed = (gained | lost) & (this.touched[at] ?? 0);
    const base = (this.source.blocks[place]! << BLOCK_SHIFT) + (word << CHUNK_SHIFT);
    for (let left = changed; left !== 0; left &= left - 1) {
      const port = base + 31 - Math.clz32(left & -left);
      const record = this.read(port);
      const isGained = (gained >>> (port & 31)) & 1;
      const state = record & STATE;
      if (state === IN_USE || state === RESTING) this.busyUsable += isGained === 1 ? 1 : -1;
      else this.write(port, (record & ~STATE) | (isGained === 1 ? FREE : VOID));
    }
  }

  /** Forgets the blocks in these places, in which no port is busy. */
  drop(places: ReadonlySet<number>): void {
    this.unlink(places);
    for (const place of places) {
      for (let at = place * WORDS_PER_BLOCK; at < (place + 1) * WORDS_PER_BLOCK && at < this.touched.length; at++) {
        this.touched[at] = 0;
        if (this.chunks[at] !== 0) this.records.give(this.chunks[at]!);
        this.chunks[at] = 0;
      }
    }
  }

  private unlink(places: ReadonlySet<number>): void {
    let port = this.head;
    let kept = 0;
    for (let left = this.queued; left > 0; left--) {
      const record = this.read(port);
      if (places.has(this.source.placeOf(port))) {
        this.queued--;
      } else {
        if (kept === 0) this.head = port;
        else this.write(kept, (this.read(kept) & STATE) | port);
        kept = port;
      }
      port = record & ~STATE;
    }
    this.tail = kept;
  }

  private read(port: number): number {
    return this.records.read(this.chunkOf(port), port);
  }

  private write(port: number, value: number): void {
    this.records.write(this.chunkOf(port), port, value);
  }

  private wordOf(port: number): number {
    return this.source.placeOf(port) * WORDS_PER_BLOCK + ((port >>> CHUNK_SHIFT) & (WORDS_PER_BLOCK - 1));
  }

  /** 0 if it is not of an owned block, or of a chunk never touched. */
  private chunkOf(port: number): number {
    const place = this.source.placeOf(port);
    if (place < 0) return 0;
    return this.chunks[place * WORDS_PER_BLOCK + ((port >>> CHUNK_SHIFT) & (WORDS_PER_BLOCK - 1))] ?? 0;
  }
}
