import type { Clock } from '../clock.ts';

/** An unanswered request is made again after it: the primary may be restarting. */
const UNANSWERED_MS = 1000;
const MOST_WAIT_MS = 8000;
/** Of each source; more would lie idle here while another process runs out. */
const MOST_BLOCKS = 8;

/** When to ask the primary for more blocks, and for how many. */
export class BlockRequests {
  private readonly send: (blocks: number) => void;
  private readonly sources: number;
  private notBeforeMs = Number.NEGATIVE_INFINITY;
  private refusals = 0;
  private isOpen = false;

  constructor(send: (blocks: number) => void, options: { readonly sources: number }) {
    this.send = send;
    this.sources = options.sources;
  }

  /** Asks, unless an answer is on its way or it was no not long ago. As much again as there is, so that few requests follow a fast rise. */
  ask(ownedBlocks: number, clock: Clock): void {
    const now = clock.now();
    if (now < this.notBeforeMs) return;
    this.notBeforeMs = now + UNANSWERED_MS;
    this.isOpen = true;
    this.send(Math.min(Math.max(this.sources, ownedBlocks), this.sources * MOST_BLOCKS));
  }

  onGranted(): void {
    this.isOpen = false;
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
