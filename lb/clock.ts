/**
 * Time as a parameter: every rule about ports, health and retries takes one of these, so tests drive it by hand.
 */
export interface Clock {
  /** Milliseconds from an arbitrary start; never goes backwards. */
  now(): number;
  /** Runs `fn` once, after `delayMs`. The handle goes to `clear`. Does not keep the process alive. */
  after(delayMs: number, fn: () => void): Timer;
  /** Runs `fn` every `periodMs` until cleared. Does not keep the process alive. */
  every(periodMs: number, fn: () => void): Timer;
  clear(timer: Timer | undefined): void;
}

export type Timer = NodeJS.Timeout | number;

/** The machine's monotonic clock and timers. */
export const systemClock: Clock = {
  now: () => performance.now(),
  after: (delayMs, fn) => setTimeout(fn, delayMs).unref(),
  every: (periodMs, fn) => setInterval(fn, periodMs).unref(),
  clear: (timer) => clearTimeout(timer),
};
