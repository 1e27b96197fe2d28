import type { MetricObjectWithValues, MetricValue } from 'prom-client';

export type Sample = readonly [labels: Readonly<Record<string, string | number>>, value: number];
/** In prom-client's JSON. */
export type Metric = MetricObjectWithValues<MetricValue<string>>;

/** `aggregator` says what becomes of two samples with the same labels. */
const metric =
  (type: 'counter' | 'gauge', aggregator: 'sum' | 'min') => (name: string, help: string, samples: readonly Sample[]) =>
    ({
      name,
      help,
      type,
      aggregator,
      values: samples.map(([labels, value]) => ({ labels, value })),
    }) as unknown as Metric;

export const counter = metric('counter', 'sum');
export const gauge = metric('gauge', 'sum');
/** Of samples with the same labels the least counts. */
export const leastGauge = metric('gauge', 'min');
