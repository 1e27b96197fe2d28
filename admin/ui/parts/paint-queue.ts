/** Of a frame of 16 ms: the rest is for scrolling, and for whatever else there is. */
const BUDGET_MS = 5;

export interface PaintQueueDeps {
  readonly onFrame: (paint: () => void) => void;
  readonly now: () => number;
}

/** Drawings that are due. They are made in the frames to come, a few milliseconds of them in each, in the order in which they came. */
export class PaintQueue {
  private readonly deps: PaintQueueDeps;
  private readonly due = new Map<object, () => void>();
  private isAsked = false;

  constructor(deps: PaintQueueDeps) {
    this.deps = deps;
  }

  /** Replaces what is due for the same owner. */
  add(owner: object, draw: () => void): void {
    this.due.set(owner, draw);
    this.ask();
  }

  remove(owner: object): void {
    this.due.delete(owner);
  }

  private ask(): void {
    if (this.isAsked || this.due.size === 0) return;
    this.isAsked = true;
    this.deps.onFrame(() => {
      this.isAsked = false;
      const end = this.deps.now() + BUDGET_MS;
      for (const [owner, draw] of this.due) {
        this.due.delete(owner);
        draw();
        if (this.deps.now() >= end) break;
      }
      this.ask();
    });
  }
}
