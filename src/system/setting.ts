import type { Demand } from './demand.ts';
import type { Facts } from './facts.ts';
import type { Machine } from './machine.ts';
import type { Nftables } from './nftables.ts';

/** `skip`: there is nothing to say of it on this machine. */
export type Severity = 'pass' | 'warn' | 'fail' | 'skip';

export interface Context {
  readonly machine: Machine;
  readonly facts: Facts;
  readonly demand: Demand;
  /** Data-plane processes that the target takes with the descriptors that each may have. */
  readonly planes: number;
  /** Read when it is first asked for, as that takes some 20 ms. */
  readonly nftables: () => Nftables | undefined;
}

/** What makes a setting fit. A line in a file counts from the next boot, login or start on. */
export type Change =
  | { readonly kind: 'sysctl'; readonly key: string; readonly value: string }
  /** A line of limits.conf(5). */
  | { readonly kind: 'limits'; readonly line: string }
  /** A line of `[Service]` in portico.service. */
  | { readonly kind: 'service'; readonly line: string };

export interface Judgement {
  readonly severity: Severity;
  /** As a person reads it; undefined where it cannot be read. */
  readonly current: string | undefined;
  /** A value, or what it has to be at least. */
  readonly wanted: string;
  /** How `wanted` comes about, with the numbers in it. */
  readonly formula: string;
  /** What only this machine makes worth saying. */
  readonly detail?: string;
  /** None where only a person can change it; then `manual` says how. */
  readonly changes: readonly Change[];
  readonly manual?: readonly string[];
  /** Only whoever runs the host of this container can change it. */
  readonly isHosts?: boolean;
}

/** One thing about a machine that decides how many connections it holds. `settings/` declares them, one entry each. */
export interface Setting {
  readonly id: string;
  readonly title: string;
  /** Why it matters, in a sentence. */
  readonly why: string;
  /** What happens if it is left as it is. */
  readonly ifLeft: string;
  /** What the change may do to others on this machine. */
  readonly risk: string;
  judge(context: Context): Judgement;
}
