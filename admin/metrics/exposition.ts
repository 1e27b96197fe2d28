import type { Registry } from 'prom-client';
import type { AdminSource, Traffic } from '../admin-source.ts';
import { liveTraffic } from '../live-traffic.ts';
import { shareInFlight } from '../share-in-flight.ts';
import { wholeTraffic } from '../whole-traffic.ts';
import { PortSeries } from './port-series.ts';
import { processMetrics } from './process-metrics.ts';
import { systemMetrics } from './system-metrics.ts';
import { trafficMetrics } from './traffic-metrics.ts';
import { type ExpositionFormat, writeMetrics } from './write-metrics.ts';

export interface ExpositionDeps {
  readonly source: AdminSource;
  readonly traffic: () => Promise<Traffic>;
  /** The metrics of this process; they come first. */
  readonly registry: Registry;
}

const TYPES: Readonly<Record<ExpositionFormat, string>> = {
  prometheus: 'text/plain; version=0.0.4; charset=utf-8',
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
};

/**
 * The text that Prometheus scrapes. prom-client watches this process; what planes counted in plain numbers is written here, since it has no
 * way to set a histogram, and to make objects of its own of a hundred thousand series takes it seconds.
 */
export class Exposition {
  private readonly collects: Readonly<Record<ExpositionFormat, () => Promise<Buffer>>>;
  private readonly deps: ExpositionDeps;
  private readonly portSeries: PortSeries;

  constructor(deps: ExpositionDeps, options: { readonly topDestinations: number }) {
    this.deps = deps;
    this.portSeries = new PortSeries(options);
    this.collects = {
      prometheus: shareInFlight(() => this.render('prometheus')),
      openmetrics: shareInFlight(() => this.render('openmetrics')),
    };
  }

  /** Resolves with the text, as UTF-8. Scrapes at the same time share one collection. */
  collect(format: ExpositionFormat = 'prometheus'): Promise<Buffer> {
    return this.collects[format]();
  }

  contentType(format: ExpositionFormat): string {
    return TYPES[format];
  }

  private async render(format: ExpositionFormat): Promise<Buffer> {
    const { source, registry } = this.deps;
    const traffic = await this.deps.traffic();
    const sum = wholeTraffic(traffic, liveTraffic(traffic));
    const sources = source.sources();
    const metrics = [
      ...(await processMetrics(registry)),
      ...this.portSeries.collect({ ports: sum.ports, sources, forecasts: source.forecasts() }),
      ...trafficMetrics({
        sum,
        traffic,
        status: source.status(),
        backends: source.backends(),
        sources,
        sourceCounters: source.sourceCounters(),
      }),
      ...systemMetrics(source.system.summary()),
    ];
    const written = writeMetrics(metrics, format);
    if (format === 'openmetrics') written.addText('# EOF\n');
    return written.finish();
  }
}
