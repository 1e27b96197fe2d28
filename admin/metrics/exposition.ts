import { AggregatorRegistry, collectDefaultMetrics, Registry } from 'prom-client';
import { sumPlaneMetrics } from '../../lb/metrics/sum-plane-metrics.ts';
import type { AdminSource, Traffic } from '../admin-source.ts';
import { trafficMetrics } from './traffic-metrics.ts';

/**
 * The text that Prometheus scrapes. Planes count in plain numbers and prom-client has no way to set a histogram, so their part is built
 * as the JSON that prom-client's own cluster mode exchanges, and put together with the primary's registry by it.
 */
export class Exposition {
  readonly contentType = Registry.PROMETHEUS_CONTENT_TYPE;
  private readonly source: AdminSource;
  private readonly registry = new Registry();
  /** A collection under way: scrapes at the same time share it. */
  private pending: Promise<string> | undefined = undefined;

  constructor(source: AdminSource) {
    this.source = source;
    collectDefaultMetrics({ register: this.registry, prefix: 'portico_primary_' });
  }

  collect(): Promise<string> {
    this.pending ??= this.render().finally(() => {
      this.pending = undefined;
    });
    return this.pending;
  }

  private async render(): Promise<string> {
    const traffic: Traffic = await this.source.traffic();
    const reports = [...traffic.planes.values()];
    const sum = sumPlaneMetrics(traffic.retired === undefined ? reports : [...reports, traffic.retired]);
    const own = await this.registry.getMetricsAsJSON();
    const all = [...own, ...trafficMetrics(sum, traffic, this.source.status(), this.source.backends())];
    return AggregatorRegistry.aggregate([all]).metrics();
  }
}
