import type { OutlierConfig } from '../../config/config.ts';

/** What is known of one server from its traffic. `success` and `failure` are called for each answer, so they do next to nothing. */
export class OutlierTrack {
  readonly id: string;
  /** Failures since the last success. */
  inARow = 0;
  successes = 0;
  failures = 0;
  /** Ejections whose memory has not faded; each makes the next one longer. */
  multiplier = 0;
  /** When its ejection ends; 0: it is not ejected. */
  ejectedUntilMs = 0;
  ejectionsTotal = 0;
  returnedAtMs = 0;
  private readonly detector: OutlierDetector;

  constructor(detector: OutlierDetector, id: string) {
    this.detector = detector;
    this.id = id;
  }

  get isEjected(): boolean {
    return this.ejectedUntilMs > 0;
  }

  success(): void {
    this.successes++;
    this.inARow = 0;
  }

  failure(): void {
    this.failures++;
    this.inARow++;
    this.detector.onFailure(this);
  }
}

export interface OutlierDetectorDeps {
  readonly random: () => number;
  readonly now: () => number;
  /** Somebody has been ejected, or may come back. */
  readonly onChange: () => void;
}

/** Ejections are longer by up to a tenth, so that several planes do not send their traffic back at the same moment. */
const JITTER = 0.1;

/**
 * Finds servers that fail real requests, and keeps traffic from them for a while. It sees successes and failures, never what they are.
 *
 * Two signs, as in Envoy: so many failures in a row, at once; and such a share of failures within an interval, at its end, where there
 * were requests enough to judge by. The n-th ejection takes n times the base; an interval without one is forgiven one.
 *
 * Never more than a share of the servers is ejected, and where the others become fewer (their health checks fail), those ejected first come
 * back first. With half as the share, a lone server is never ejected: bad answers are better than none.
 */
export class OutlierDetector {
  private readonly deps: OutlierDetectorDeps;
  private config: OutlierConfig;
  private readonly tracks = new Map<string, OutlierTrack>();
  /** Those that would get traffic but for ejections. */
  private eligible: ReadonlySet<string> = new Set();
  private sweepAtMs: number;

  constructor(deps: OutlierDetectorDeps, config: OutlierConfig) {
    this.deps = deps;
    this.config = config;
    this.sweepAtMs = deps.now() + config.intervalMs;
  }

  /** From now on; who is ejected stays so until its time is over. */
  configure(config: OutlierConfig): void {
    this.config = config;
  }

  track(id: string): OutlierTrack {
    let track = this.tracks.get(id);
    if (track === undefined) {
      track = new OutlierTrack(this, id);
      this.tracks.set(id, track);
    }
    return track;
  }

  forget(id: string): void {
    this.tracks.delete(id);
  }

  isEjected(id: string): boolean {
    return this.tracks.get(id)?.isEjected ?? false;
  }

  /** Those among whom the share is reckoned. Does not call `onChange`: ask `isEjected` afterwards. */
  setEligible(ids: ReadonlySet<string>): void {
    this.eligible = ids;
    const ejected = this.ejected.sort((a, b) => a.ejectedUntilMs - b.ejectedUntilMs);
    for (const track of ejected.slice(0, Math.max(0, ejected.length - this.most))) this.readmit(track);
  }

  private get ejected(): OutlierTrack[] {
    return [...this.tracks.values()].filter(({ id, isEjected }) => isEjected && this.eligible.has(id));
  }

  /** How many may be ejected at once. */
  private get most(): number {
    return Math.floor((this.eligible.size * this.config.maxEjectedPercent) / 100);
  }

  /** From a track. */
  onFailure(track: OutlierTrack): void {
    const { failuresInARow } = this.config;
    if (failuresInARow > 0 && track.inARow >= failuresInARow) this.eject(track);
  }

  private eject(track: OutlierTrack): void {
    if (track.isEjected || !this.eligible.has(track.id) || this.ejected.length >= this.most) return;
    const { ejectionMs, maxEjectionMs } = this.config;
    track.multiplier++;
    track.ejectionsTotal++;
    const lastsMs = Math.min(ejectionMs * track.multiplier, Math.max(ejectionMs, maxEjectionMs));
    track.ejectedUntilMs = this.deps.now() + lastsMs * (1 + JITTER * this.deps.random());
    this.deps.onChange();
  }

  private readmit(track: OutlierTrack): void {
    track.ejectedUntilMs = 0;
    track.returnedAtMs = this.deps.now();
    track.inARow = 0;
    track.successes = 0;
    track.failures = 0;
  }

  tick(nowMs: number): void {
    let hasChanged = false;
    for (const track of this.tracks.values()) {
      if (!track.isEjected || nowMs < track.ejectedUntilMs) continue;
      this.readmit(track);
      hasChanged = true;
    }
    if (hasChanged) this.deps.onChange();
    if (nowMs >= this.sweepAtMs) this.sweep(nowMs);
  }

  private sweep(nowMs: number): void {
    this.sweepAtMs = nowMs + this.config.intervalMs;
    const { minRequests, failurePercent, intervalMs } = this.config;
    for (const track of this.tracks.values()) {
      const { successes, failures } = track;
      track.successes = 0;
      track.failures = 0;
      if (track.isEjected) continue;
      const requests = successes + failures;
      if (failurePercent > 0 && requests >= minRequests && failures * 100 >= failurePercent * requests)
        this.eject(track);
      const hasRested = !track.isEjected && nowMs - track.returnedAtMs >= intervalMs;
      if (hasRested && track.multiplier > 0) track.multiplier--;
    }
  }
}
