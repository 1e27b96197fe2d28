export type Labels = Readonly<Record<string, string | number>>;
export type Sample = readonly [labels: Labels, value: number];

/** One family of metrics. */
export interface Metric {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly samples: readonly Sample[];
  /** Of a histogram, by sample: `_bucket`, `_sum` or `_count`. */
  readonly suffixes?: readonly string[];
  /** What becomes of two samples with the same labels. */
  readonly merge: 'sum' | 'min';
}

const metric =
  (type: 'counter' | 'gauge', merge: 'sum' | 'min') =>
  (name: string, help: string, samples: readonly Sample[]): Metric => ({ name, help, type, merge, samples });

/** `name` ends in `_total`. */
export const counter = metric('counter', 'sum');
export const gauge = metric('gauge', 'sum');
/** Of samples with the same labels the least counts. */
export const leastGauge = metric('gauge', 'min');
