import type { ResolverConfig } from '../../config/resolver-config.ts';
import type { Clock, Timer } from '../clock.ts';
import type { Family, Lookup, LookupAnswer } from './lookup.ts';
import { afterAnswers, type NameAddresses, type NameFailure } from './name-addresses.ts';

export interface NameWatchDeps {
  readonly clock: Clock;
  readonly random: () => number;
  readonly lookup: Lookup;
  readonly settings: () => ResolverConfig;
  /** After every lookup. */
  readonly onLookup: (before: NameAddresses, after: NameAddresses) => void;
}

/** Names of one TTL are not all asked for at once for ever. */
const JITTER = 0.1;
/** Waits after failures double up to this, or to `maxTtlMs` where that is less. */
const MAX_RETRY_MS = 30_000;

/** Looks one name up again and again: when its answer gets old, and sooner after a failure. */
export class NameWatch {
  private readonly deps: NameWatchDeps;
  private readonly name: string;
  private families: ReadonlySet<Family>;
  private known: NameAddresses;
  private readonly outcomes = new Map<NameFailure | 'found', number>();
  private failures = 0;
  private timer: Timer | undefined = undefined;
  private isAsking = false;
  private isStopped = true;
  private goodUntilMs = Number.NEGATIVE_INFINITY;

  /** `known`: from before, to begin with. */
  constructor(deps: NameWatchDeps, name: string, families: ReadonlySet<Family>, known: NameAddresses) {
    this.deps = deps;
    this.name = name;
    this.families = families;
    this.known = known;
  }

  get current(): NameAddresses {
    return this.known;
  }

  /** Lookups by what came of them. */
  get counts(): ReadonlyMap<NameFailure | 'found', number> {
    return this.outcomes;
  }

  /** How long the answer is good for. */
  get remainingMs(): number {
    return Math.max(0, this.goodUntilMs - this.deps.clock.now());
  }

  /** The first lookup is at once, or after `delayMs`. */
  start(delayMs = 0): void {
    if (!this.isStopped) return;
    this.isStopped = false;
    if (delayMs > 0) this.schedule(delayMs);
    else void this.look();
  }

  /** From now on for these; asks at once if they are others. */
  setFamilies(families: ReadonlySet<Family>): void {
    if (families.size === this.families.size && [...families].every((each) => this.families.has(each))) return;
    this.families = families;
    this.refresh();
  }

  /** Asks at once, unless it is not started yet. */
  refresh(): void {
    if (!this.isStopped) void this.look();
  }

  stop(): void {
    this.isStopped = true;
    this.deps.clock.clear(this.timer);
  }

  private schedule(delayMs: number): void {
    this.deps.clock.clear(this.timer);
    this.timer = this.deps.clock.after(delayMs, () => void this.look());
  }

  private async look(): Promise<void> {
    if (this.isAsking) return;
    this.isAsking = true;
    const { clock, lookup, settings, onLookup } = this.deps;
    const asked = this.families;
    const answers = new Map(
      await Promise.all(
        [...asked].map(async (family) => [family, await lookup(this.name, family, settings())] as const),
      ),
    );
    this.isAsking = false;
    if (this.isStopped) return;
    const nowMs = clock.now();
    const { holdMs, maxAddresses } = settings();
    const before = this.known;
    this.known = afterAnswers(before, answers, { nowMs, holdMs, maxAddresses });
    const outcome = this.known.failure ?? 'found';
    this.outcomes.set(outcome, (this.outcomes.get(outcome) ?? 0) + 1);
    const delayMs = this.nextDelayMs([...answers.values()]);
    this.goodUntilMs = this.known.failure === undefined ? nowMs + delayMs : Number.NEGATIVE_INFINITY;
    this.schedule(asked === this.families ? delayMs * (1 + JITTER * this.deps.random()) : 0);
    onLookup(before, this.known);
  }

  private nextDelayMs(answers: readonly LookupAnswer[]): number {
    const { minTtlMs, maxTtlMs } = this.deps.settings();
    const isWhole = this.known.failure === undefined && !answers.some(({ kind }) => kind === 'failed');
    this.failures = isWhole ? 0 : this.failures + 1;
    if (!isWhole)
      return Math.min(minTtlMs * 2 ** (this.failures - 1), Math.max(minTtlMs, Math.min(MAX_RETRY_MS, maxTtlMs)));
    const ttls = answers.flatMap((answer) => (answer.kind === 'found' ? [answer.ttlMs] : []));
    return Math.min(maxTtlMs, Math.max(minTtlMs, Math.min(...ttls)));
  }
}
