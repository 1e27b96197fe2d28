import { AggregatorRegistry, Registry } from 'prom-client';
import type { AdminSource, Traffic } from '../admin-source.ts';
import { liveTraffic } from '../live-traffic.ts';
import { shareInFlight } from '../share-in-flight.ts';
import { wholeTraffic } from '../whole-traffic.ts';
import { systemMetrics } from './system-metrics.ts';
import { trafficMetrics } from './traffic-metrics.ts';

export interface ExpositionDeps {
  readonly source: AdminSource;
  readonly traffic: () => Promise<Traffic>;
  /** The metrics of this process; they come first. */
  readonly registry: Registry;
}

/**
 * The text that Prometheus scrapes. Planes count in plain numbers and prom-client has no way to set a histogram, so their part is built
 * as the JSON that prom-client's own cluster mode exchanges, and written by its aggregation. That leaves out what cannot be aggregated
 * (the start time of a process), so the registry of this process is written on its own.
 */
export class Exposition {
  readonly contentType = Registry.PROMETHEUS_CONTENT_TYPE;
  /** Resolves with the text. Scrapes at the same time share one collection. */
  readonly collect: () => Promise<string>;
  private readonly deps: ExpositionDeps;
  private readonly topDestinations: number;

  constructor(deps: ExpositionDeps, options: { readonly topDestinations: number }) {
    this.deps = deps;
    this.topDestinations = options.topDestinations;
    this.collect = shareInFlight(() => this.render());
  }

  private async render(): Promise<string> {
    const { source, registry } = this.deps;
    const traffic = await this.deps.traffic();
    const live = liveTraffic(traffic);
    const sum = wholeTraffic(traffic, live);
    const planes = trafficMetrics({
      sum,
      traffic,
      status: source.status(),
      backends: source.backends(),
      sources: source.sources(),
      sourceCounters: source.sourceCounters(),
      forecasts: source.forecasts(),
      topDestinations: this.topDestinations,
    });
    const own = registry.getMetricsAsArray().length === 0 ? '' : `${await registry.metrics()}\n`;
    return (
      own + (await AggregatorRegistry.aggregate([[...planes, ...systemMetrics(source.system.summary())]]).metrics())
    );
  }
}
