import type { OutlierConfig } from '../../config/config.ts';
import type { ServerState } from '../control/messages.ts';
import { isAvailable, keepsSessions } from '../health/availability.ts';
import { OutlierDetector, type OutlierTrack } from '../health/outlier-detector.ts';
import type { Candidate } from './policy.ts';

/** A server as an engine knows it. The pool sets the weights and the track. */
export interface Member extends Candidate {
  weight: number;
  fullWeight: number;
  /** Where the engine tells of successes and failures; undefined without outlier detection. */
  track: OutlierTrack | undefined;
}

export interface ServerPoolDeps<M extends Member> {
  readonly random: () => number;
  readonly now: () => number;
  /** `available` was replaced. */
  readonly onChange: (available: readonly M[]) => void;
}

export interface ServerPoolOptions {
  /** A server that comes (back) gets its share little by little over this time; 0: at once. */
  readonly slowStartMs: number;
  readonly outlier?: OutlierConfig;
}

interface Entry<M> {
  readonly member: M;
  readonly state: ServerState;
}

/** What a server that has just come gets at least: with less, a few requests would not reach it at all. As in Envoy. */
const LEAST_SHARE = 0.1;

/**
 * The servers of one backend as one plane sees them, for whatever engine: puts together what the primary says of them, what their traffic
 * shows, and how long they have been here, into the list that a policy picks from. The list is replaced, never changed.
 *
 * Backup servers get traffic only while no other server is available. All of them do then, as in nginx.
 */
export class ServerPool<M extends Member> {
  private readonly deps: ServerPoolDeps<M>;
  private slowStartMs: number;
  private detector: OutlierDetector | undefined;
  private entries = new Map<string, Entry<M>>();
  private list: readonly M[] = [];
  /** When those that start slowly came. */
  private readonly starting = new Map<M, number>();
  private isFirst = true;

  constructor(deps: ServerPoolDeps<M>, options: ServerPoolOptions) {
    this.deps = deps;
    this.slowStartMs = options.slowStartMs;
    this.detector = options.outlier === undefined ? undefined : this.createDetector(options.outlier);
  }

  private createDetector(outlier: OutlierConfig): OutlierDetector {
    return new OutlierDetector({ ...this.deps, onChange: () => this.rebuild() }, outlier);
  }

  /** From the next `update` on, which has to follow. What is known of servers stays. */
  configure({ slowStartMs, outlier }: ServerPoolOptions): void {
    this.slowStartMs = slowStartMs;
    if (outlier !== undefined && this.detector !== undefined) {
      this.detector.configure(outlier);
      return;
    }
    this.detector = outlier === undefined ? undefined : this.createDetector(outlier);
    for (const { member } of this.entries.values()) member.track = undefined;
  }

  /** Those that new requests may go to. */
  get available(): readonly M[] {
    return this.list;
  }

  /** Replaces all that is known. */
  update(members: readonly Entry<M>[]): void {
    const entries = new Map(members.map((entry) => [entry.state.id, entry]));
    for (const id of this.entries.keys()) if (!entries.has(id)) this.detector?.forget(id);
    this.entries = entries;
    for (const { member, state } of members) {
      member.track ??= this.detector?.track(state.id);
      member.fullWeight = state.weight;
    }
    this.rebuild();
    this.isFirst = false;
  }

  /** Whether a request of a session on that server may go there. */
  keepsSessions(member: M): boolean {
    const entry = this.entries.get(member.id);
    return entry?.member === member && keepsSessions(entry.state, member.track?.isEjected ?? false);
  }

  private rebuild(): void {
    const entries = [...this.entries.values()];
    const regular = entries.filter(({ state }) => !state.backup && isAvailable(state, false));
    const backups = entries.filter(({ state }) => state.backup && isAvailable(state, false));
    const tier = regular.length > 0 ? regular : backups;
    this.detector?.setEligible(new Set(tier.map(({ state }) => state.id)));
    const unejected = (from: readonly Entry<M>[]): M[] =>
      from
        .filter(({ state, member }) => isAvailable(state, member.track?.isEjected ?? false))
        .map(({ member }) => member);
    const inTier = unejected(tier);
    this.replace(inTier.length > 0 ? inTier : unejected(backups));
  }

  private replace(list: readonly M[]): void {
    const before = new Set(this.list);
    for (const member of before) if (!list.includes(member)) this.starting.delete(member);
    const nowMs = this.deps.now();
    for (const member of list) {
      // All servers of a balancer that has just started are new to it; nobody could take the load instead.
      if (!before.has(member) && this.slowStartMs > 0 && !this.isFirst) this.starting.set(member, nowMs);
      if (!this.starting.has(member)) member.weight = member.fullWeight;
    }
    this.list = list;
    this.ramp(nowMs);
    this.deps.onChange(list);
  }

  /** Called by the plane's tick. */
  tick(nowMs: number): void {
    this.detector?.tick(nowMs);
    if (this.starting.size > 0) this.ramp(nowMs);
  }

  private ramp(nowMs: number): void {
    for (const [member, sinceMs] of this.starting) {
      const share = (nowMs - sinceMs) / this.slowStartMs;
      if (share >= 1) this.starting.delete(member);
      member.weight = member.fullWeight * Math.min(1, Math.max(LEAST_SHARE, share));
    }
  }
}
