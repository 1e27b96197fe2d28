import type { Registry } from 'prom-client';
import type { Labels, Metric, Sample } from './metric.ts';

interface JsonMetric {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly values: readonly { readonly value: number; readonly labels?: Labels; readonly metricName?: string }[];
}

/**
 * What prom-client knows of this process. Its gauges that are called `_total` are left out: the same numbers have proper names there too, and
 * Prometheus's own tool takes offence.
 */
export async function processMetrics(registry: Registry): Promise<Metric[]> {
  const metrics = (await registry.getMetricsAsJSON()) as unknown as readonly JsonMetric[];
  return metrics.flatMap(({ name, help, type, values }): Metric[] => {
    if (type !== 'counter' && type !== 'gauge' && type !== 'histogram') return [];
    if (type === 'gauge' && name.endsWith('_total')) return [];
    const samples = values.map(({ labels = {}, value }): Sample => [labels, value]);
    const suffixes = values.map(({ metricName = name }) => metricName.slice(name.length));
    return [{ name, help, type, samples, suffixes }];
  });
}
