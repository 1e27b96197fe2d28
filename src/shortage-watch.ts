import type { SourcePoolConfig } from '../config/config.ts';
import type { Clock, Timer } from '../lb/clock.ts';
import { Forecaster, type PortForecast } from '../lb/forecast/forecaster.ts';
import { ShortageWatcher } from '../lb/forecast/shortage-watcher.ts';
import type { PortMetrics } from '../lb/metrics/plane-metrics.ts';
import type { SourceStatus } from '../lb/source/source-status.ts';
import type { EventLog } from './event-log.ts';

const PERIOD_MS = 1000;

export interface ShortageWatchDeps {
  readonly clock: Clock;
  readonly log: EventLog;
  /** Ports of the planes that are alive, added up. */
  readonly ports: () => Promise<readonly PortMetrics[]>;
  readonly sources: () => readonly SourceStatus[];
}

/** Forecasts every second when source ports run out, and says so while there is time. */
export class ShortageWatch {
  private readonly deps: ShortageWatchDeps;
  private readonly forecaster = new Forecaster();
  private watchers: ReadonlyMap<string, ShortageWatcher> = new Map();
  private pools: readonly SourcePoolConfig[] = [];
  private timer: Timer | undefined = undefined;

  constructor(deps: ShortageWatchDeps, pools: readonly SourcePoolConfig[]) {
    this.deps = deps;
    this.configure(pools);
  }

  /** From now on there are these. */
  configure(pools: readonly SourcePoolConfig[]): void {
    const before = new Map(this.pools.map((pool) => [pool.name, pool.exhaustion.warnMs]));
    this.watchers = new Map(
      pools.map(({ name, exhaustion: { warnMs } }) => {
        const known = before.get(name) === warnMs ? this.watchers.get(name) : undefined;
        return [name, known ?? new ShortageWatcher({ warnSeconds: warnMs / 1000 })];
      }),
    );
    this.pools = pools;
  }

  get forecasts(): readonly PortForecast[] {
    return this.forecaster.forecasts();
  }

  start(): void {
    this.timer = this.deps.clock.every(PERIOD_MS, () => void this.look());
  }

  stop(): void {
    this.deps.clock.clear(this.timer);
  }

  private async look(): Promise<void> {
    const { clock, log, ports, sources } = this.deps;
    const counted = await ports();
    const now = clock.now();
    const usable = sources()
      .filter(({ state }) => state.kind === 'ready')
      .map(({ pool, address, ports: all, heldElsewhere }) => ({ pool, address, ports: all - heldElsewhere }));
    this.forecaster.observe(now, counted, usable);
    // Sources of a pool fill together; the pool as a whole is what a person can do something about.
    const whole = this.forecaster.forecasts().filter(({ source }) => source === undefined);
    for (const [name, watcher] of this.watchers) {
      const own = whole.filter(({ pool }) => pool === name);
      for (const event of watcher.observe(now, own)) log.emit(event);
    }
  }
}
