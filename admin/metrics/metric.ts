export type Labels = Readonly<Record<string, string | number>>;
export type Sample = readonly [labels: Labels, value: number];

interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
}

/** Two samples with the same labels are added up. */
export interface SampledMetric extends Family {
  readonly samples: readonly Sample[];
  /** Of a histogram, by sample: `_bucket`, `_sum` or `_count`. */
  readonly suffixes?: readonly string[];
}

/** Too many samples for an object each: its lines as they are written, each with its end. No counter, as formats differ in those. */
export interface WrittenMetric extends Family {
  readonly type: 'gauge';
  /** UTF-8. */
  readonly lines: Uint8Array;
}

/** One family of metrics. */
export type Metric = SampledMetric | WrittenMetric;

const metric =
  (type: 'counter' | 'gauge') =>
  (name: string, help: string, samples: readonly Sample[]): SampledMetric => ({ name, help, type, samples });

/** `name` ends in `_total`. */
export const counter = metric('counter');
export const gauge = metric('gauge');
