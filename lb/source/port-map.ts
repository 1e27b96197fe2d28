import { CHUNK_SHIFT, type PortRecords } from './port-records.ts';
import type { SourcePorts } from './source-ports.ts';

const CHUNKS_PER_BLOCK = 4;
/** The upper two bits of a record say what a port is; the lower 30 of a free or resting one hold the next in its queue, 0 at the end. */
const STATE = 0b11 << 30;
const IN_USE = 0b01 << 30;
const RESTING = 0b10 << 30;

/**
 * The ports of one source towards one destination. Ports that were never used here are taken from the source's blocks as they are needed,
 * so memory grows with the ports touched; those that were used and are free again wait in a queue.
 */
export class PortMap {
  used = 0;
  quarantined = 0;
  unusable = 0;
  /** Ports with a record; they are of blocks that the source owns. */
  touched = 0;
  private readonly source: SourcePorts;
  private readonly records: PortRecords;
  private ready = 0;
  private head = 0;
  private tail = 0;
  /** Every place before it is touched to its last port, or empty. */
  private freshPlace = 0;
  /** By place: how many ports are touched. */
  private readonly taken: number[] = [];
  /** By place, four for each. */
  private readonly chunks: number[] = [];

  constructor(source: SourcePorts, records: PortRecords) {
    this.source = source;
    this.records = records;
  }

  /** Ports that `take` could give now. */
  get free(): number {
    return this.ready + this.source.owned - this.touched;
  }

  /** The free port that has not been used for longest. Only when `free` > 0. `generation`: what gives it back has to bring the same. */
  take(generation: number): number {
    const port = this.touched < this.source.owned ? this.takeFresh() : this.shiftReady();
    this.write(port, IN_USE | generation);
    this.used++;
    this.source.busy[this.source.placeOf(port)]!++;
    return port;
  }

  private takeFresh(): number {
    const { blocks } = this.source;
    let block = blocks[this.freshPlace];
    this.reach(this.freshPlace);
    while (block === undefined || this.taken[this.freshPlace] === block.size) {
      block = blocks[++this.freshPlace];
      this.reach(this.freshPlace);
    }
    const port = block.first + this.taken[this.freshPlace]!++;
    this.touched++;
    const at = this.freshPlace * CHUNKS_PER_BLOCK + ((port >>> CHUNK_SHIFT) & (CHUNKS_PER_BLOCK - 1));
    if (this.chunks[at] === 0) this.chunks[at] = this.records.take();
    return port;
  }

  private reach(place: number): void {
    if (place < this.taken.length) return;
    this.taken.push(0);
    this.chunks.push(0, 0, 0, 0);
  }

  private shiftReady(): number {
    const port = this.head;
    this.head = this.link(port);
    this.ready--;
    return port;
  }

  /** A port in use becomes a resting one; false, and nothing else, if it was not leased with this generation. */
  rest(port: number, generation: number): boolean {
    const chunk = this.chunkOf(port);
    if (chunk === 0 || this.records.read(chunk, port) !== (IN_USE | generation)) return false;
    this.records.write(chunk, port, RESTING);
    this.used--;
    return true;
  }

  /** A resting port is free again, the last in the queue. */
  wake(port: number): void {
    if (this.ready++ === 0) this.head = port;
    else this.write(this.tail, port);
    this.write(port, 0);
    this.tail = port;
    this.source.busy[this.source.placeOf(port)]!--;
  }

  /** What follows the port in its queue. */
  link(port: number): number {
    return this.records.read(this.chunkOf(port), port) & ~STATE;
  }

  /** Of a resting port. */
  setLink(port: number, next: number): void {
    this.write(port, RESTING | next);
  }

  /** A block has been put in this place. */
  rewind(place: number): void {
    if (place < this.freshPlace) this.freshPlace = place;
  }

  /** Forgets the blocks in these places, in which no port is busy. */
  drop(places: ReadonlySet<number>): void {
    this.unlink(places);
    for (const place of places) {
      if (place >= this.taken.length) continue;
      this.touched -= this.taken[place]!;
      this.taken[place] = 0;
      for (let at = place * CHUNKS_PER_BLOCK; at < (place + 1) * CHUNKS_PER_BLOCK; at++) {
        if (this.chunks[at] !== 0) this.records.give(this.chunks[at]!);
        this.chunks[at] = 0;
      }
    }
  }

  private unlink(places: ReadonlySet<number>): void {
    let port = this.head;
    let kept = 0;
    for (let left = this.ready; left > 0; left--) {
      const next = this.link(port);
      if (places.has(this.source.placeOf(port))) {
        this.ready--;
      } else {
        if (kept === 0) this.head = port;
        else this.write(kept, port);
        kept = port;
      }
      port = next;
    }
    if (kept !== 0) this.write(kept, 0);
    this.tail = kept;
  }

  private write(port: number, value: number): void {
    this.records.write(this.chunkOf(port), port, value);
  }

  /** 0 if it is not of an owned block, or of a chunk never touched. */
  private chunkOf(port: number): number {
    const place = this.source.placeOf(port);
    if (place < 0 || place >= this.taken.length) return 0;
    return this.chunks[place * CHUNKS_PER_BLOCK + ((port >>> CHUNK_SHIFT) & (CHUNKS_PER_BLOCK - 1))]!;
  }
}
