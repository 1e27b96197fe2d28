/** The links of ports that rest: which follows which. Kept where the ports' records are. */
export interface RestLinks {
  link(port: number): number;
  setLink(port: number, next: number): void;
}

const FIRST_MARKS = 4;
/** Ports that come within this part of the rest of each other wake together, at the time of the last: none ever rests too short. */
const PARTS = 64;

/**
 * Ports (with their source: any number from 1 to 2^30 - 1) that rest for one fixed time, so that the first in is the first ready. The
 * queue itself is in the links; times are kept for batches of ports, which cost no memory for each.
 */
export class RestQueue {
  length = 0;
  /** When `shift` has something to give; Infinity while nothing rests. */
  readyAtMs = Number.POSITIVE_INFINITY;
  private readonly links: RestLinks;
  private readonly restMs: number;
  private head = 0;
  private tail = 0;
  // A ring of batches.
  private batchReadyAtMs = new Float64Array(FIRST_MARKS);
  private batchLength = new Uint32Array(FIRST_MARKS);
  private firstBatch = 0;
  private batches = 0;
  private lastBatchSinceMs = 0;

  constructor(links: RestLinks, restMs: number) {
    this.links = links;
    this.restMs = restMs;
  }

  push(port: number, nowMs: number): void {
    if (this.length++ === 0) this.head = port;
    else this.links.setLink(this.tail, port);
    this.tail = port;
    if (this.batches === 0 || nowMs - this.lastBatchSinceMs >= this.restMs / PARTS) this.startBatch(nowMs);
    const last = (this.firstBatch + this.batches - 1) & (this.batchLength.length - 1);
    this.batchLength[last]!++;
    this.batchReadyAtMs[last] = nowMs + this.restMs;
    if (this.batches === 1) this.readyAtMs = nowMs + this.restMs;
  }

  /** The port that has rested for longest. Only when `readyAtMs` has come. */
  shift(): number {
    const port = this.head;
    this.length--;
    if (--this.batchLength[this.firstBatch]! === 0) this.endBatch();
    if (this.length > 0) this.head = this.links.link(port);
    return port;
  }

  private startBatch(nowMs: number): void {
    if (this.batches === this.batchLength.length) this.grow();
    this.batches++;
    this.lastBatchSinceMs = nowMs;
  }

  private endBatch(): void {
    this.firstBatch = (this.firstBatch + 1) & (this.batchLength.length - 1);
    this.batches--;
    this.readyAtMs = this.batches === 0 ? Number.POSITIVE_INFINITY : this.batchReadyAtMs[this.firstBatch]!;
  }

  private grow(): void {
    const size = this.batchLength.length;
    const readyAtMs = new Float64Array(size * 2);
    const length = new Uint32Array(size * 2);
    for (let i = 0; i < size; i++) {
      readyAtMs[i] = this.batchReadyAtMs[(this.firstBatch + i) & (size - 1)]!;
      length[i] = this.batchLength[(this.firstBatch + i) & (size - 1)]!;
    }
    this.batchReadyAtMs = readyAtMs;
    this.batchLength = length;
    this.firstBatch = 0;
  }
}
