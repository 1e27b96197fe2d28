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

/**
 * Probes one server again and again, one probe at a time. The verdict is `nextVerdict`'s; this owns the time.
 *
 * All servers are probed at once when a balancer starts, so that it can serve at once. The second probe comes at a random moment of the
 * first interval: from then on the probes of many servers are spread. While nothing is known, or the last probe speaks against what is
 * known, the next one comes sooner: a server that has just come up serves soon, and one that has just died gets few requests.
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
    options: {
      readonly health: HealthConfig;
      readonly host: string;
      readonly port: number;
      readonly name?: string | undefined;
    },
  ) {
    this.deps = deps;
    this.health = options.health;
    const { http, port, timeoutMs } = options.health;
    this.target = {
      host: options.host,
      name: options.name,
      port: port ?? options.port,
      timeoutMs,
      ...(port === undefined ? {} : { serverPort: options.port }),
      ...(http === undefined ? {} : { http }),
    };
  }

  get isHealthy(): boolean {
    return this.verdict.isHealthy;
  }

  /**
   * The first probe starts at once; one that is still under way since before `stop` takes its place. What was known before is forgotten:
   * the first result is a verdict. With `isHealthy` that is known, and it takes as many results as ever to change it.
   */
  start(isHealthy?: boolean): void {
    if (!this.isStopped) return;
    this.isStopped = false;
    this.verdict = isHealthy === undefined ? UNKNOWN : { isHealthy, isKnown: true, against: 0 };
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
    const before = this.verdict;
    if (result.outcome !== 'inconclusive') this.verdict = nextVerdict(before, result.outcome === 'passed', this.health);
    this.timer = this.deps.clock.after(this.nextDelayMs(), () => void this.run());
    if (result.outcome === 'inconclusive') return;
    if (before.isKnown && before.isHealthy === this.verdict.isHealthy) return;
    this.deps.onVerdict(this.verdict.isHealthy, result.outcome === 'passed' ? 'passed' : result.reason);
  }

  private nextDelayMs(): number {
    const { intervalMs, fastIntervalMs, jitterPercent } = this.health;
    const drawn = this.deps.random();
    const isSettled = this.verdict.isKnown && this.verdict.against === 0;
    if (!this.isSpread && isSettled) {
      this.isSpread = true;
      return intervalMs * drawn;
    }
    return (isSettled ? intervalMs : fastIntervalMs) * (1 + (jitterPercent / 100) * (drawn * 2 - 1));
  }
}
