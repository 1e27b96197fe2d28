import type { ListenerConfig, StickyConfig } from '../config/config.ts';
import type { BackendState, ServerState } from '../lb/control/messages.ts';
import type { PortForecast } from '../lb/forecast/forecaster.ts';
import type { PlaneMetrics, TrafficMetrics } from '../lb/metrics/plane-metrics.ts';
import type { ProcessUsage } from '../lb/own-usage.ts';
import type { PortUse } from '../lb/source/port-use.ts';
import type { SourceStatus } from '../lb/source/source-status.ts';
import type { SystemSource } from './system-source.ts';

/** One process that Portico runs beside the primary. */
export interface ProcessStatus {
  readonly id: string;
  readonly pid: number | undefined;
  readonly ready: boolean;
  readonly restarts: number;
  /** Of workers; planes tell theirs with their traffic. Absent: it has not told yet. */
  readonly usage?: ProcessUsage | undefined;
}

export interface ListenerStatus {
  readonly name: string;
  readonly engine: string;
  /** `address:port`, with the port that is really bound. */
  readonly bind: string;
}

/** A backend, and how its sessions are kept on their servers; absent: they are not. */
export interface BackendStatus extends BackendState {
  readonly sticky?: Pick<StickyConfig, 'by' | 'name'>;
}

/** A certificate in use. */
export interface CertificateStatus {
  readonly listener: string;
  readonly file: string;
  readonly subject: string;
  readonly names: readonly string[];
  /** Milliseconds since 1970. */
  readonly expiresAtMs: number;
}

/** A name that DNS is asked for. */
export interface NameStatus {
  readonly name: string;
  /** In use, those of before where the last lookup failed. */
  readonly addresses: readonly string[];
  /** Of the last lookup; undefined: it did not fail. */
  readonly failure: string | undefined;
  /** Addresses of the last answers that are not used, by why. */
  readonly leftOut: Readonly<Record<string, number>>;
  /** Lookups by what came of them. */
  readonly lookups: Readonly<Record<string, number>>;
}

export interface Status {
  readonly version: string;
  readonly pid: number;
  readonly uptimeSeconds: number;
  readonly listeners: readonly ListenerStatus[];
  readonly planes: readonly ProcessStatus[];
  readonly workers: readonly ProcessStatus[];
  /** Absent: nobody speaks TLS. */
  readonly certificates?: readonly CertificateStatus[];
  /** Certificates that were ordered since the start, by what came of it. Absent: none is to be. */
  readonly orders?: { readonly issued: number; readonly failed: number };
  /** Names of servers. Absent: there are none. */
  readonly names?: readonly NameStatus[];
}

/**
 * What all planes counted. Every count is in here once, in `planes` or in `retired`, and none is ever left out once it has been in:
 * a plane that does not answer is in it with its last report, a plane that died only in `retired`. Otherwise counters would go down.
 */
export interface Traffic {
  /** By plane. */
  readonly planes: ReadonlyMap<string, PlaneMetrics>;
  /** What planes that are gone had counted. */
  readonly retired: PlaneMetrics | undefined;
  /** Of the engines that run in the primary. Absent: there are none. */
  readonly primary?: TrafficMetrics;
  /** False when a plane did not answer in time. */
  readonly isComplete: boolean;
}

export interface PortUseFilter {
  readonly source?: string;
  readonly destination?: string;
  readonly limit: number;
}

export interface PortRange {
  readonly low: number;
  readonly high: number;
}

export type SourceChange =
  | { readonly ok: true; readonly status: SourceStatus }
  | {
      readonly ok: false;
      readonly reason: 'no-pool' | 'no-address' | 'exists' | 'invalid' | 'refused' | 'full' | 'last';
      readonly detail: string;
    };

/** What an operator may change of a server; what is absent stays. */
export interface ServerWish {
  readonly state?: ServerState['admin'];
  /** 0 to 256; 0 gets no new requests. */
  readonly weight?: number;
}

export interface NewServer {
  /** IP address and port. */
  readonly address: string;
  readonly weight: number;
  readonly backup: boolean;
}

export type ServerChange =
  | { readonly ok: true; readonly server: ServerState }
  | {
      readonly ok: false;
      readonly reason: 'no-backend' | 'no-server' | 'exists' | 'invalid' | 'workers' | 'last' | 'named';
      readonly detail: string;
    };

export interface SourceCounters {
  readonly drift: Readonly<Record<string, number>>;
  readonly claims: Readonly<Record<string, number>>;
}

/** `announced`: nothing has stopped, but it is told that it will. */
export type DrainState = 'serving' | 'announced' | 'stopping';

/** The stop of everything. */
export interface DrainControl {
  readonly state: DrainState;
  /** Says that it will stop, and does so after a while; `isHeld`: not before it is told again. */
  begin(isHeld: boolean): void;
  /** Serves as before. False: it is too late. */
  cancel(): boolean;
}

/** What the admin server shows and changes; the primary has it. */
export interface AdminSource {
  readonly system: SystemSource;
  readonly drain: DrainControl;
  status(): Status;
  /** As they are configured. */
  listeners(): readonly ListenerConfig[];
  backends(): readonly BackendStatus[];
  /** Planes follow in the order of the changes: what they report afterwards is after the change. */
  changeServer(backend: string, server: string, wish: ServerWish): ServerChange;
  addServer(backend: string, server: NewServer): ServerChange;
  /** No new requests go there; what is under way is finished. */
  removeServer(backend: string, server: string): ServerChange;
  /** Asks every plane. Resolves within a time limit of its own, however many planes hang; never rejects. */
  traffic(): Promise<Traffic>;
  /** Why Portico should get no traffic; empty when it should. */
  notReady(): readonly string[];
  /** Every source address of every pool, those that are not in use too. */
  sources(): readonly SourceStatus[];
  /** The ports of each pool by its name, first and last one in it. */
  portRanges(): ReadonlyMap<string, PortRange>;
  /** Resolves within a time limit; at most `limit` pairs, those with most busy ports first. */
  portUse(filter: PortUseFilter): Promise<readonly PortUse[]>;
  addSource(pool: string, address: string): Promise<SourceChange>;
  /** Starts the drain; the address is let go of when its last connection is gone. */
  drainSource(pool: string, address: string): SourceChange;
  /** Of each destination its pool as a whole, then its sources. */
  forecasts(): readonly PortForecast[];
  /** What became of addresses: found other than they should be by kind of drift, claimed by result. Counts only grow. */
  sourceCounters(): SourceCounters;
}
