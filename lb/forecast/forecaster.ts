import type { PortMetrics } from '../metrics/plane-metrics.ts';
import { addressesToAdd } from './addresses-to-add.ts';
import { exhaustionSeconds } from './exhaustion-seconds.ts';
import { FlowEstimate, holdSecondsOf } from './flow-estimate.ts';

/** A source that can be leased from, with the ports of it that can be used at all. Leave out those that drain or are lost. */
export interface ForecastSource {
  readonly pool: string;
  readonly address: string;
  readonly ports: number;
}

export interface PortForecast {
  readonly pool: string;
  /** Absent: all addresses of the pool together. */
  readonly source?: string;
  /** `address:port` */
  readonly destination: string;
  /** Ports held now, in quarantine too, of how many. */
  readonly busy: number;
  readonly capacity: number;
  /** Per second. */
  readonly leaseRate: number;
  /** Infinity when none was seen to come back. */
  readonly holdSeconds: number;
  /** 0: none is free now. Infinity: never. */
  readonly exhaustionSeconds: number;
  /** Addresses of the same size that the pool needs besides its own for this destination. */
  readonly addAddresses: number;
}

export interface ForecasterOptions {
  /** Default 30 s. */
  readonly timeConstantMs?: number;
  /** No rate is believed that rests on less than this. Default 5 s. */
  readonly minObservedMs?: number;
}

interface Pair {
  readonly pool: string;
  readonly source: string;
  readonly destination: string;
  readonly estimate: FlowEstimate;
  unusable: number;
}

/** Says when the ports towards each destination run out. Fed about once a second; keeps only what was in the last feed. */
export class Forecaster {
  private readonly timeConstantMs: number;
  private readonly minObservedSeconds: number;
  private pairs = new Map<string, Pair>();
  private sources: readonly ForecastSource[] = [];
  /** Of the last feed, once someone has asked. */
  private current: readonly PortForecast[] | undefined = undefined;

  constructor(options: ForecasterOptions = {}) {
    this.timeConstantMs = options.timeConstantMs ?? 30_000;
    this.minObservedSeconds = (options.minObservedMs ?? 5_000) / 1000;
  }

  /** `ports`: the planes that are alive, added up. */
  observe(nowMs: number, ports: readonly PortMetrics[], sources: readonly ForecastSource[]): void {
    this.sources = sources;
    this.current = undefined;
    const seen = new Map<string, Pair>();
    for (const { pool, source, destination, leases, used, quarantined, unusable } of ports) {
      const key = `${pool}\n${source}\n${destination}`;
      const sample = { nowMs, leases, busy: used + quarantined };
      const known = this.pairs.get(key);
      known?.estimate.add(sample);
      const estimate = known?.estimate ?? new FlowEstimate(sample, this.timeConstantMs);
      seen.set(key, { pool, source, destination, estimate, unusable });
    }
    this.pairs = seen;
  }

  /** For each destination its pool as a whole, then its sources. */
  forecasts(): readonly PortForecast[] {
    this.current ??= this.makeForecasts();
    return this.current;
  }

  private makeForecasts(): PortForecast[] {
    const byDestination = new Map<string, Pair[]>();
    for (const pair of this.pairs.values()) {
      const key = `${pair.pool}\n${pair.destination}`;
      const group = byDestination.get(key);
      if (group === undefined) byDestination.set(key, [pair]);
      else group.push(pair);
    }
    return [...byDestination.values()].flatMap((pairs) => this.forecastPool(pairs));
  }

  /** `pairs` are those of one pool and one destination. */
  private forecastPool(pairs: readonly Pair[]): PortForecast[] {
    const { pool, destination } = pairs[0]!;
    const isSix = hostOf(destination).includes(':');
    const sources = this.sources.filter((each) => each.pool === pool && each.address.includes(':') === isSix);
    if (sources.length === 0) return [];
    const portsOf = new Map(sources.map(({ address, ports }) => [address, ports]));
    const live = pairs.filter(({ source }) => portsOf.has(source));
    const capacities = live.map(({ source, unusable }) => Math.max(0, portsOf.get(source)! - unusable));
    const total = sources.reduce((sum, { ports }) => sum + ports, 0);
    const capacity = Math.max(
      0,
      live.reduce((sum, { unusable }) => sum - unusable, total),
    );
    const whole = this.flowOf(live, capacity);
    const addAddresses = addressesToAdd(whole, total / sources.length);
    // Made member by member: there are thousands, and to spread objects into each takes ten times as long.
    const forecasts: PortForecast[] = [
      { pool, destination, ...whole, exhaustionSeconds: exhaustionSeconds(whole), addAddresses },
    ];
    live.forEach((pair, i) => {
      const own = this.flowOf([pair], capacities[i]!);
      forecasts.push({
        pool,
        source: pair.source,
        destination,
        busy: own.busy,
        capacity: own.capacity,
        leaseRate: own.leaseRate,
        holdSeconds: own.holdSeconds,
        exhaustionSeconds: exhaustionSeconds(own),
        addAddresses,
      });
    });
    return forecasts;
  }

  private flowOf(
    pairs: readonly Pair[],
    capacity: number,
  ): { busy: number; capacity: number; leaseRate: number; holdSeconds: number } {
    let busy = 0;
    let leaseRate = 0;
    let departureRate = 0;
    let meanBusy = 0;
    for (const { estimate } of pairs) {
      busy += estimate.busy;
      if (estimate.observedSeconds < this.minObservedSeconds) continue;
      leaseRate += estimate.leaseRate;
      departureRate += estimate.departureRate;
      meanBusy += estimate.meanBusy;
    }
    return { busy, capacity, leaseRate, holdSeconds: holdSecondsOf(meanBusy, departureRate) };
  }
}

function hostOf(destination: string): string {
  return destination.slice(0, destination.lastIndexOf(':'));
}
