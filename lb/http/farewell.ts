interface Guest {
  drain(): void;
}

/**
 * Asks many to leave, evenly spread over a time: clients of WebSockets come back at once, and all at the same moment would be too many for
 * whoever takes them.
 */
export class Farewell {
  private readonly guests: readonly Guest[];
  private readonly fromMs: number;
  private readonly overMs: number;
  private asked = 0;

  /** `overMs` 0: the first `tick` asks all. */
  constructor(guests: readonly Guest[], fromMs: number, overMs: number) {
    this.guests = guests;
    this.fromMs = fromMs;
    this.overMs = overMs;
  }

  /** Asks those whose time has come. False when all have been. */
  tick(nowMs: number): boolean {
    const { guests, fromMs, overMs } = this;
    const share = overMs === 0 ? 1 : Math.min(1, (nowMs - fromMs) / overMs);
    const due = Math.ceil(guests.length * share);
    while (this.asked < due) guests[this.asked++]!.drain();
    return this.asked < guests.length;
  }
}
