import type { PressureMetrics } from '../metrics/plane-metrics.ts';
import type { TcpNetwork } from '../net/tcp-stream.ts';
import type { Acceptance } from './acceptance.ts';
import { type DescriptorRoom, descriptorRoom } from './descriptor-room.ts';
import { type MemoryLevel, memoryLevel } from './memory-level.ts';
import type { OwnLimits } from './own-limits.ts';

/** Limits are set anew from outside at times; reading them takes some 20 µs. */
const LOOK_MS = 500;
/** Descriptors are counted anew by every so many looks: reading the directory takes 1 ms for 2,000 of them. */
const LOOKS_PER_COUNT = 10;
const COUNTED_UP_TO = 2000;
/** It is over when it has been over for so long, so that what comes and goes is told once. */
const OVER_MS = 5000;
/** The rest is for the primary, workers, the kernel's buffers and the page cache. */
const AUTOMATIC_SHARE = 0.8;
/** Memory in use takes a few µs to read. */
const MEMORY_MS = 100;
/** What looks used may be garbage; collecting it takes up to some 100 ms, so it is done now and then while memory is short. */
const COLLECT_MS = 5000;
/** While clients are reset: what was kept for them is garbage, and more of them would go than need to. */
const COLLECT_SHEDDING_MS = 1000;

/** Why a plane accepts nothing, for the operator; or that it is over. */
export type PressureEvent =
  | { readonly reason: 'descriptors'; readonly open: number; readonly limit: number }
  | {
      readonly reason: 'memory';
      readonly residentBytes: number;
      readonly limitBytes: number;
      /** Requests are refused as well. */
      readonly isShedding: boolean;
    }
  | { readonly reason: 'none' };

export interface PressureDeps {
  readonly network: Pick<TcpNetwork, 'openCount' | 'crowdedAt' | 'onCrowded' | 'most' | 'isRefused'>;
  readonly limits: OwnLimits;
  readonly acceptance: Acceptance;
  /** Memory is as short as that from now on. */
  readonly onMemory: (level: MemoryLevel) => void;
  /** Nearly all memory is used still; called ten times a second as long as that holds. */
  readonly relieve: () => void;
  readonly tell: (event: PressureEvent) => void;
}

/** Keeps a plane from taking more than it can have: it stops accepting before descriptors or memory run out, and goes on when there is room. */
export class Pressure {
  private readonly deps: PressureDeps;
  private limit = Number.POSITIVE_INFINITY;
  /** Descriptors that are no connections. */
  private others = 0;
  private room: DescriptorRoom = descriptorRoom(this.limit, 0);
  private looks = 0;
  private nextLookMs = Number.NEGATIVE_INFINITY;
  /** There is not one left. The limit was lowered, or something else takes them. */
  private hasNone = false;
  private isShortOfDescriptors = false;
  private descriptorHolds = 0;
  private memoryLimit = Number.POSITIVE_INFINITY;
  private memory: MemoryLevel = 'normal';
  private memoryHolds = 0;
  private nextMemoryMs = Number.NEGATIVE_INFINITY;
  private collectedAtMs = Number.NEGATIVE_INFINITY;
  /** Since when nothing is the matter; undefined: something is, or has been told to be over. */
  private calmSinceMs: number | undefined = undefined;
  private isTold = false;

  constructor(deps: PressureDeps) {
    this.deps = deps;
    deps.network.onCrowded = () => this.holdForDescriptors();
  }

  /** What the plane may take; undefined: four fifths of what the machine has, shared evenly among `planes`. */
  configure(limitBytes: number | undefined, planes: number): void {
    this.memoryLimit = limitBytes ?? (this.deps.limits.machineBytes * AUTOMATIC_SHARE) / planes;
  }

  tick(nowMs: number): void {
    const { network, acceptance } = this.deps;
    if (nowMs >= this.nextMemoryMs) {
      this.nextMemoryMs = nowMs + MEMORY_MS;
      this.lookAtMemory(nowMs);
    }
    if (nowMs >= this.nextLookMs) {
      this.nextLookMs = nowMs + LOOK_MS;
      this.look();
    }
    if (this.hasNone || network.openCount >= this.room.stopAt) this.holdForDescriptors();
    else if (network.openCount <= this.room.goOnAt) this.isShortOfDescriptors = false;
    if (this.isShortOfDescriptors || this.memory !== 'normal') {
      acceptance.hold();
      this.calmSinceMs = undefined;
      return;
    }
    acceptance.release();
    this.calmSinceMs ??= nowMs;
    if (!this.isTold || nowMs - this.calmSinceMs < OVER_MS) return;
    this.isTold = false;
    this.deps.tell({ reason: 'none' });
  }

  private look(): void {
    const { network, limits } = this.deps;
    const { openCount } = network;
    if (this.looks++ % LOOKS_PER_COUNT === 0 && openCount <= COUNTED_UP_TO) {
      const open = limits.openDescriptors();
      if (open !== undefined) this.others = Math.max(0, open - openCount);
    }
    const limit = limits.descriptors();
    this.hasNone = limit === undefined;
    this.limit = limit ?? this.limit;
    this.room = descriptorRoom(this.limit, this.others);
    network.crowdedAt = this.room.stopAt;
    network.most = Math.max(0, this.limit - this.others);
    network.isRefused = false;
  }

  private lookAtMemory(nowMs: number): void {
    const { limits, onMemory, tell } = this.deps;
    const before = this.memory;
    const waitMs = before === 'shedding' ? COLLECT_SHEDDING_MS : COLLECT_MS;
    if (this.levelNow() !== 'normal' && nowMs - this.collectedAtMs >= waitMs) {
      this.collectedAtMs = nowMs;
      limits.collectGarbage();
    }
    this.memory = this.levelNow();
    if (this.memory === 'shedding') this.deps.relieve();
    if (this.memory === before) return;
    onMemory(this.memory);
    if (this.memory === 'normal') return;
    if (before === 'normal') this.memoryHolds++;
    const isShedding = this.memory === 'shedding';
    if (this.isTold && !isShedding) return;
    this.isTold = true;
    tell({ reason: 'memory', residentBytes: limits.residentBytes(), limitBytes: this.memoryLimit, isShedding });
  }

  private levelNow(): MemoryLevel {
    return memoryLevel(this.memory, this.deps.limits.residentBytes(), this.memoryLimit);
  }

  private holdForDescriptors(): void {
    const { acceptance, network, tell } = this.deps;
    if (this.isShortOfDescriptors) return;
    this.isShortOfDescriptors = true;
    this.descriptorHolds++;
    acceptance.hold();
    if (this.isTold) return;
    this.isTold = true;
    tell({ reason: 'descriptors', open: network.openCount + this.others, limit: this.limit });
  }

  get metrics(): PressureMetrics {
    return {
      descriptors: this.deps.network.openCount + this.others,
      descriptorLimit: this.limit,
      isHeld: this.deps.acceptance.isHeld,
      memoryLimitBytes: this.memoryLimit,
      holds: [
        { reason: 'descriptors', count: this.descriptorHolds },
        { reason: 'memory', count: this.memoryHolds },
      ],
    };
  }
}
