/** So few requests at once that they do not wait for each other at the server, as far as that can be known. */
const BASE_MOST = 3;
const BASE_SAMPLES = 25;
/** A server so slow or idle that it gives no more samples has its base time from those that came. */
const BASE_MS = 1000;
/** From one measurement of the base time to the next; shifted by up to a quarter, so that planes do not measure at once. */
const BASE_EVERY_MS = 30_000;
const FIRST_MOST = 20;
const WINDOW_MS = 250;
const WINDOW_SAMPLES = 64;
const LEAST_SAMPLES = 8;
/** An answer may take this much longer than the base time before the limit goes down. */
const TOLERANCE = 1.25;
/** Below this, differences are noise of timers and schedulers. */
const TOLERANCE_MS = 1;

/**
 * How many requests a server should have at once, found out from how long its answers take. In each window the limit is multiplied by base
 * time ÷ present time, and gets its square root added as room to grow and a short queue at the server: where answers take longer the more
 * requests there are, that is the point at which the server is busy and no request waits for long. The base time is measured anew now and
 * then, with few requests under way, as it changes with what the server does. The idea is that of Netflix's gradient limit and Envoy's
 * adaptive concurrency filter.
 */
export class AdaptiveLimit {
  /** Requests under way at most. */
  most = BASE_MOST;
  private readonly random: () => number;
  private readonly samples = new Float64Array(WINDOW_SAMPLES);
  private count = 0;
  private startedAtMs: number;
  private baseMs = 0;
  /** The limit while the base is not being measured. */
  private usual = FIRST_MOST;
  private isMeasuringBase = true;
  /** Requests sent after this met few others; negative: not yet known when. */
  private quietSinceMs = -1;
  private nextBaseAtMs = 0;
  private mostSeen = 0;

  constructor(random: () => number, nowMs: number) {
    this.random = random;
    this.startedAtMs = nowMs;
  }

  /** The head of an answer came. `underWay`: how many requests the server has, this one too. */
  observe(sentAtMs: number, nowMs: number, underWay: number): void {
    if (underWay > this.mostSeen) this.mostSeen = underWay;
    if (this.isMeasuringBase) {
      if (this.quietSinceMs < 0 && underWay <= BASE_MOST) this.quietSinceMs = nowMs;
      if (this.quietSinceMs < 0 || sentAtMs < this.quietSinceMs) return;
    } else if (sentAtMs < this.startedAtMs) {
      return; // it met those that an older limit let pass
    }
    this.samples[this.count++ % WINDOW_SAMPLES] = nowMs - sentAtMs;
    if (this.isMeasuringBase && this.count === BASE_SAMPLES) this.endWindow(nowMs);
  }

  /** Called every few milliseconds. */
  tick(nowMs: number): void {
    const ageMs = nowMs - this.startedAtMs;
    if (this.isMeasuringBase) {
      if (ageMs >= BASE_MS && this.count > 0) this.endWindow(nowMs);
    } else if (nowMs >= this.nextBaseAtMs) {
      this.isMeasuringBase = true;
      this.quietSinceMs = -1;
      this.most = Math.min(BASE_MOST, this.usual);
      this.begin(nowMs);
    } else if (ageMs >= WINDOW_MS && this.count >= LEAST_SAMPLES) {
      this.endWindow(nowMs);
    }
  }

  private begin(nowMs: number): void {
    this.count = 0;
    this.mostSeen = 0;
    this.startedAtMs = nowMs;
  }

  private endWindow(nowMs: number): void {
    const presentMs = median(this.samples.subarray(0, Math.min(this.count, WINDOW_SAMPLES)));
    if (this.isMeasuringBase) {
      this.isMeasuringBase = false;
      this.baseMs = presentMs;
      this.nextBaseAtMs = nowMs + BASE_EVERY_MS * (0.75 + this.random() / 2);
    } else {
      const gradient = Math.min(1, Math.max(0.5, (this.baseMs * TOLERANCE + TOLERANCE_MS) / presentMs));
      const next = this.usual * gradient + Math.sqrt(this.usual);
      // Without load there is no telling what the server would bear.
      if (next <= this.usual || this.mostSeen >= this.usual / 2) this.usual = Math.max(1, next);
    }
    this.most = Math.round(this.usual);
    this.begin(nowMs);
  }
}

/** The array is sorted by it. */
function median(values: Float64Array): number {
  values.sort();
  return values[values.length >> 1]!;
}
