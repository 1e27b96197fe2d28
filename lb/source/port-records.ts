/** Records come in chunks of 32 consecutive ports: a source that serves one connection to a destination costs 128 bytes there. */
const CHUNK_PORTS = 32;
export const CHUNK_SHIFT = 5;
const SLAB_CHUNKS = 64;
const SLAB_SHIFT = 6;

/**
 * Four bytes for each port that was ever used towards a destination, shared by all destinations of a pool. They lie in slabs that never
 * move, so growth copies nothing and pauses nobody; chunks given back are used again before a new slab is made.
 */
export class PortRecords {
  private readonly slabs: Int32Array[] = [];
  /** Chunks ever made. Number 0 is never given out: it stands for «no chunk». */
  private made = 1;
  /** The first of the chunks that were given back, each of which holds the number of the next. */
  private spare = 0;

  get bytes(): number {
    return this.slabs.length * SLAB_CHUNKS * CHUNK_PORTS * Int32Array.BYTES_PER_ELEMENT;
  }

  /** A chunk of zeros. */
  take(): number {
    const chunk = this.spare;
    if (chunk !== 0) {
      this.spare = this.read(chunk, 0);
      const start = (chunk & (SLAB_CHUNKS - 1)) << CHUNK_SHIFT;
      this.slabs[chunk >>> SLAB_SHIFT]!.fill(0, start, start + CHUNK_PORTS);
      return chunk;
    }
    if (this.made >>> SLAB_SHIFT >= this.slabs.length) this.slabs.push(new Int32Array(SLAB_CHUNKS * CHUNK_PORTS));
    return this.made++;
  }

  give(chunk: number): void {
    this.write(chunk, 0, this.spare);
    this.spare = chunk;
  }

  /** Of a port, only the place within its chunk counts. */
  read(chunk: number, port: number): number {
    return this.slabs[chunk >>> SLAB_SHIFT]![
      ((chunk & (SLAB_CHUNKS - 1)) << CHUNK_SHIFT) | (port & (CHUNK_PORTS - 1))
    ]!;
  }

  write(chunk: number, port: number, value: number): void {
    this.slabs[chunk >>> SLAB_SHIFT]![((chunk & (SLAB_CHUNKS - 1)) << CHUNK_SHIFT) | (port & (CHUNK_PORTS - 1))] =
      value;
  }
}
