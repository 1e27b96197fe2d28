import type { Children } from './children.ts';
import type { BenchOptions } from './options.ts';
import type { Role, Subject } from './subject.ts';

/** One table of the results. */
export interface Section {
  readonly title: string;
  readonly text: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
  readonly targets: readonly Target[];
}

export interface Target {
  readonly what: string;
  readonly value: string;
  readonly bound: string;
  readonly isMet: boolean;
}

export interface Bench {
  /** The balancers that run through the whole benchmark. */
  readonly subjects: readonly Subject[];
  /** Starts one more; the caller stops it. `servers`: others than the usual; `accessLog`: a file for a line for each request. */
  start(role: Role, port: number, servers?: readonly number[], accessLog?: string): Promise<Subject>;
  readonly children: Children;
  readonly directory: string;
  readonly options: BenchOptions;
}

export interface Scenario {
  readonly name: string;
  /** Without them it says nothing, and is left out. */
  readonly needs: readonly Role[];
  run(bench: Bench): Promise<Section>;
}
