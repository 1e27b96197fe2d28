import { BLOCK_PORTS } from './port-block.ts';

/** An unanswered request is made again after it: the primary may be restarting. */
const UNANSWERED_MS = 1000;
const MOST_WAIT_MS = 8000;
/** Of each source; more would lie idle here while another process runs out. */
const MOST_BLOCKS = 8;

/** When to ask the primary for more blocks, and for how many. */
export class BlockRequests {
  private readonly send: (blocks: number, isStarved: boolean) => void;
  private notBeforeMs = Number.NEGATIVE_INFINITY;
  private refusals = 0;
  private isOpen = false;
  private hasStarved = false;

  constructor(send: (blocks: number, isStarved: boolean) => void) {
    this.send = send;
  }

  /**
   * Asks, unless an answer is on its way or it was no not long ago. As much again as there is, so that few requests follow a fast rise.
   * The first time that there is nothing left at all is worth a request of its own.
   */
  ask(ownedPorts: number, sources: number, isStarved: boolean, nowMs: number): void {
    if (nowMs < this.notBeforeMs && (!isStarved || this.hasStarved)) return;
    this.notBeforeMs = nowMs + UNANSWERED_MS;
    this.hasStarved = isStarved;
    this.isOpen = true;
    this.send(Math.min(Math.max(sources, Math.ceil(ownedPorts / BLOCK_PORTS)), sources * MOST_BLOCKS), isStarved);
  }

  onGranted(): void {
    this.isOpen = false;
    this.hasStarved = false;
    this.refusals = 0;
    this.notBeforeMs = Number.NEGATIVE_INFINITY;
  }

  /** There is none left; blocks that others give back are worth asking for, ever more rarely. */
  onNothing(nowMs: number): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.notBeforeMs = nowMs + Math.min(UNANSWERED_MS * 2 ** this.refusals, MOST_WAIT_MS);
    this.refusals++;
  }
}
