import type { HealthConfig } from '../../config/config.ts';
import type { Clock, Timer } from '../clock.ts';
import type { ProbeResult, ProbeTarget } from './probe.ts';
import { nextVerdict, UNKNOWN, type Verdict } from './verdict.ts';

export interface HealthCheckerDeps {
  readonly clock: Clock;
  readonly random: () => number;
  readonly probe: (target: ProbeTarget) => Promise<ProbeResult>;
  /** A verdict changed, or the first one came; `reason` says what the last probe found. */
  readonly onVerdict: (isHealthy: boolean, reason: string) => void;
}

/** Intervals vary by a tenth, so that the probes of many servers and balancers do not fall into step. */
const JITTER = 0.1;

/**
 * Probes one server again and again, one probe at a time. The verdict is `nextVerdict`'s; this owns the time.
 *
 * All servers are probed at once when a balancer starts, so that it can serve at once. The second probe comes at a random moment of the
 * first interval: from then on the probes of many servers are spread.
 */
export class HealthChecker {
  private readonly deps: HealthCheckerDeps;
  private readonly health: HealthConfig;
  private readonly target: ProbeTarget;
  private verdict: Verdict = UNKNOWN;
  private timer: Timer | undefined = undefined;
  private isStopped = true;
  private isProbing = false;
  private isSpread = false;

  constructor(
    deps: HealthCheckerDeps,
    options: { readonly health: HealthConfig; readonly host: string; readonly port: number },
  ) {
    this.deps = deps;
    this.health = options.health;
    const { path, timeoutMs } = options.health;
    this.target = { host: options.host, port: options.port, path, timeoutMs };
  }

  get isHealthy(): boolean {
    return this.verdict.isHealthy;
  }

  /** The first probe starts at once; one that is still under way since before `stop` takes its place. */
  start(): void {
    if (!this.isStopped) return;
    this.isStopped = false;
    if (!this.isProbing) void this.run();
  }

  /** Idempotent. A probe under way is not listened to any more. */
  stop(): void {
    this.isStopped = true;
    this.deps.clock.clear(this.timer);
    this.timer = undefined;
  }

  private async run(): Promise<void> {
    this.isProbing = true;
    const result = await this.deps.probe(this.target);
    this.isProbing = false;
    if (this.isStopped) return;
    this.timer = this.deps.clock.after(this.nextDelayMs(), () => void this.run());
    if (result.outcome === 'inconclusive') return;
    const before = this.verdict;
    this.verdict = nextVerdict(before, result.outcome === 'passed', this.health);
    if (before.isKnown && before.isHealthy === this.verdict.isHealthy) return;
    this.deps.onVerdict(this.verdict.isHealthy, result.outcome === 'passed' ? 'passed' : result.reason);
  }

  private nextDelayMs(): number {
    const { intervalMs } = this.health;
    const drawn = this.deps.random();
    if (this.isSpread) return intervalMs * (1 + JITTER * (drawn * 2 - 1));
    this.isSpread = true;
    return intervalMs * drawn;
  }
}
