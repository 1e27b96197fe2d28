import type { DurationCounts, Overview, RequestCounts } from '../api/types.ts';
import { quantile } from './quantile.ts';

/** Requests over the time between two looks. */
export interface RequestRates {
  /** Per second, by the first digit of the code: index 2 is 2xx. */
  readonly byClass: readonly number[];
  readonly perSecond: number;
  /** Share of 5xx; 0 without requests. */
  readonly failed: number;
  /** Seconds; undefined without requests. */
  readonly p50: number | undefined;
  readonly p99: number | undefined;
}

export interface Rates {
  readonly seconds: number;
  readonly all: RequestRates;
  readonly byListener: ReadonlyMap<string, RequestRates>;
  readonly byBackend: ReadonlyMap<string, RequestRates>;
  /** Bytes per second that were relayed as they are, both ways. */
  readonly streamBytes: number;
  /** Connections accepted, per second. */
  readonly connects: number;
  /** Share of one core, by plane. */
  readonly cpu: ReadonlyMap<string, number>;
}

interface Tally {
  readonly classes: number[];
  bounds: readonly number[];
  readonly counts: number[];
}

/** What happened between `before` and `now`. Undefined when Portico started anew between them. */
export function ratesBetween(before: Overview, now: Overview): Rates | undefined {
  const seconds = now.uptime_seconds - before.uptime_seconds;
  if (seconds <= 0) return undefined;
  const earlier = new Map(before.requests.map((each) => [`${each.listener}\n${each.backend}`, each]));
  const all = emptyTally();
  const byListener = new Map<string, Tally>();
  const byBackend = new Map<string, Tally>();
  for (const each of now.requests) {
    const was = earlier.get(`${each.listener}\n${each.backend}`);
    addTo(all, each, was);
    addTo(tallyOf(byListener, each.listener), each, was);
    addTo(tallyOf(byBackend, each.backend), each, was);
  }
  const cpuBefore = new Map(before.planes.map(({ id, cpu_seconds }) => [id, cpu_seconds]));
  return {
    seconds,
    all: ratesOf(all, seconds),
    byListener: mapValues(byListener, (tally) => ratesOf(tally, seconds)),
    byBackend: mapValues(byBackend, (tally) => ratesOf(tally, seconds)),
    streamBytes: Math.max(0, bytesOf(now) - bytesOf(before)) / seconds,
    connects: Math.max(0, connectsOf(now) - connectsOf(before)) / seconds,
    cpu: new Map(
      now.planes.flatMap(({ id, cpu_seconds }) => {
        const was = cpuBefore.get(id);
        // A plane that was started again counts from nothing.
        if (cpu_seconds === null || was === undefined || was === null || was > cpu_seconds) return [];
        return [[id, (cpu_seconds - was) / seconds] as const];
      }),
    ),
  };
}

const bytesOf = ({ streams }: Overview): number =>
  streams.reduce((sum, { bytes_in, bytes_out }) => sum + bytes_in + bytes_out, 0);

const connectsOf = ({ listeners }: Overview): number =>
  listeners.reduce((sum, { connections_total }) => sum + connections_total, 0);

const emptyTally = (): Tally => ({ classes: [0, 0, 0, 0, 0, 0], bounds: [], counts: [] });

function tallyOf(tallies: Map<string, Tally>, key: string): Tally {
  const known = tallies.get(key);
  if (known !== undefined) return known;
  const tally = emptyTally();
  tallies.set(key, tally);
  return tally;
}

function addTo(tally: Tally, now: RequestCounts, was: RequestCounts | undefined): void {
  const before = new Map(was?.codes.map(({ code, count }) => [code, count]));
  for (const { code, count } of now.codes) {
    tally.classes[Math.floor(code / 100)]! += Math.max(0, count - (before.get(code) ?? 0));
  }
  tally.bounds = now.duration.bounds;
  const earlier: DurationCounts | undefined = was?.duration;
  now.duration.counts.forEach((count, i) => {
    tally.counts[i] = (tally.counts[i] ?? 0) + Math.max(0, count - (earlier?.counts[i] ?? 0));
  });
}

function ratesOf(tally: Tally, seconds: number): RequestRates {
  const total = tally.classes.reduce((sum, count) => sum + count, 0);
  return {
    byClass: tally.classes.map((count) => count / seconds),
    perSecond: total / seconds,
    failed: total === 0 ? 0 : tally.classes[5]! / total,
    p50: quantile(tally, 0.5),
    p99: quantile(tally, 0.99),
  };
}

function mapValues<K, A, B>(map: ReadonlyMap<K, A>, change: (value: A) => B): Map<K, B> {
  return new Map([...map].map(([key, value]) => [key, change(value)]));
}
