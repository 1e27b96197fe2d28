import type { Config } from '../../config/config.ts';
import type { PlaneMetrics } from '../metrics/plane-metrics.ts';
import type { ProcessUsage } from '../own-usage.ts';
import type { PressureEvent } from '../pressure/pressure.ts';
import type { PortUse } from '../source/port-use.ts';
import type { TlsMaterial } from '../tls/tls-material.ts';
import type { PackedMetrics } from './packed-metrics.ts';

/**
 * Consecutive ports of one source address that change owner: a block of 128, cut short where the pool's range ends in it, or, when no
 * whole block is left, a part of one.
 */
export interface PortBlock {
  readonly pool: string;
  /** The source IP address. */
  readonly address: string;
  readonly firstPort: number;
  readonly lastPort: number;
}

/**
 * What a plane may do with a source: connect from it; connect no more; connect no more, let its connections end and give its ports back;
 * or forget it, as nobody owns a port of it any more. One that the plane has not heard of is new.
 */
export interface SourceUpdate {
  readonly pool: string;
  readonly address: string;
  readonly state: 'ready' | 'blocked' | 'leaving' | 'gone';
}

/** Ports of a source that others hold: not to be leased. */
export interface AvoidedPorts {
  readonly pool: string;
  readonly address: string;
  readonly ports: Uint16Array;
}

/**
 * Sockets that the kernel has on source ports that a process owns: entry i is from `sources[source[i]]`, port `port[i]`, to
 * `destinations[destination[i]]`.
 */
export interface SocketChunk {
  readonly sources: readonly string[];
  /** `address:port` each. */
  readonly destinations: readonly string[];
  readonly source: Uint16Array;
  readonly destination: Uint32Array;
  readonly port: Uint16Array;
}

/** What the primary knows of one server; planes route by it. */
export interface ServerState {
  /** `host:port`, also the label `server` of metrics. */
  readonly id: string;
  readonly host: string;
  readonly port: number;
  /** As the config has it, where it has no address: `host` is one of those of this name. */
  readonly name?: string;
  readonly weight: number;
  /** The verdict of the health checks. A server without checks is healthy. */
  readonly healthy: boolean;
  /** Of the last check, while it is not healthy. */
  readonly reason?: string;
  /** What the operator wants of it. In maintenance it is not checked. */
  readonly admin: 'ready' | 'drain' | 'maintenance';
  /** Gets requests only while no other server is available. */
  readonly backup: boolean;
}

export interface BackendState {
  readonly name: string;
  readonly servers: readonly ServerState[];
}

/** What an authority finds that looks whether a name is this host's. */
export type ChallengeAnswer =
  /** At `/.well-known/acme-challenge/TOKEN` (RFC 8555 §8.3). */
  | { readonly type: 'http-01'; readonly token: string; readonly text: string }
  /** The certificate of whoever asks for `host` by the protocol `acme-tls/1` (RFC 8737); PEM. */
  | { readonly type: 'tls-alpn-01'; readonly host: string; readonly cert: string; readonly key: string };

/** From the primary to a plane. */
export type PlaneCommand =
  | {
      readonly type: 'start';
      readonly config: Config;
      readonly backends: readonly BackendState[];
      readonly blocks: readonly PortBlock[];
      readonly sources: readonly SourceUpdate[];
      /** Absent: nothing speaks TLS. */
      readonly tls?: TlsMaterial;
    }
  /** Certificates or ticket keys have changed. */
  | { readonly type: 'tls'; readonly material: TlsMaterial }
  /** From now on these are answered, and no others. */
  | { readonly type: 'challenges'; readonly answers: readonly ChallengeAnswer[] }
  /**
   * Another config, with the state of every backend and source, and the first ports of pools that are new; replaces the former. A `listen`
   * follows for each listener whose socket is another one. Answered by one `configured` when all its listeners accept.
   */
  | {
      readonly type: 'config';
      readonly generation: number;
      readonly config: Config;
      readonly backends: readonly BackendState[];
      readonly blocks: readonly PortBlock[];
      readonly sources: readonly SourceUpdate[];
      /** Absent: nothing speaks TLS. */
      readonly tls?: TlsMaterial;
      /** Listeners that a `listen` is still to follow for. */
      readonly listens: readonly string[];
    }
  /**
   * Follows `start`, once for each listener; the message carries the bound socket (`openListenSocket`). All planes accept from the
   * same socket, so a plane that dies takes no connection with it that it had not accepted yet.
   */
  | { readonly type: 'listen'; readonly listener: string }
  /** No block at all: there is none left. */
  | { readonly type: 'grant'; readonly blocks: readonly PortBlock[] }
  | { readonly type: 'sources'; readonly sources: readonly SourceUpdate[] }
  /** From now on exactly these ports of the source are held by others, and not to be leased. */
  | ({ readonly type: 'avoid' } & AvoidedPorts)
  /** The kernel's sockets are about to come, in chunks; then `audit-end`. */
  | { readonly type: 'audit-begin'; readonly pool: string }
  | { readonly type: 'audit'; readonly pool: string; readonly chunk: SocketChunk }
  | { readonly type: 'audit-end'; readonly pool: string; readonly isWhole: boolean }
  /** Other processes have no port of this pool left: give back what is free, until this is taken back. */
  | { readonly type: 'wanted'; readonly pool: string; readonly isWanted: boolean }
  /** Answered by one `port-use` with the same id. */
  | { readonly type: 'port-use'; readonly id: number; readonly source?: string; readonly destination?: string }
  /** The whole state of one backend; replaces the former. */
  | { readonly type: 'backend'; readonly backend: BackendState }
  /** Answered by one `report` with the same id. */
  | { readonly type: 'report'; readonly id: number }
  /** Log files were moved away: go on in new ones of the same names. */
  | { readonly type: 'reopen-logs' }
  /** A drain is ahead: accept and answer, but let clients know that their connections will end. Or it is not any more. */
  | { readonly type: 'announce-drain'; readonly isAhead: boolean }
  /** Stop listening, finish what is open, exit 0 by the deadline. */
  | { readonly type: 'drain'; readonly deadlineMs: number };

/** From a plane to the primary. */
export type PlaneEvent =
  /** All listeners accept. */
  | { readonly type: 'ready' }
  /** All listeners of the config accept, and requests go by it. */
  | { readonly type: 'configured'; readonly generation: number }
  /** Something that only a person can mend; the plane exits 1 after it. */
  | { readonly type: 'failed'; readonly code: string; readonly message: string }
  /** The plane runs low: grant more blocks of this pool, before it runs out. `isStarved`: it has run out. */
  | { readonly type: 'low'; readonly pool: string; readonly blocks: number; readonly isStarved: boolean }
  /** The plane does without these. */
  | { readonly type: 'return'; readonly blocks: readonly PortBlock[] }
  /** The address is not on this host any more; the plane has stopped connecting from it until a `sources` says otherwise. */
  | { readonly type: 'source-lost'; readonly pool: string; readonly address: string }
  | { readonly type: 'port-use'; readonly id: number; readonly use: readonly PortUse[] }
  /** It accepts nothing for want of something, or accepts again. */
  | { readonly type: 'pressure'; readonly pressure: PressureEvent }
  /** For the operator. */
  | { readonly type: 'notice'; readonly message: string }
  | { readonly type: 'report'; readonly id: number; readonly metrics: PackedMetrics };

/** How a plane stands that has outlived its primary. */
export interface FoundPlane {
  readonly config: Config;
  readonly backends: readonly BackendState[];
  readonly sources: readonly SourceUpdate[];
  readonly blocks: readonly PortBlock[];
  /** All its listeners accept. */
  readonly isReady: boolean;
  readonly isDraining: boolean;
  readonly metrics: PlaneMetrics;
}

/** A worker that listens, and has outlived its primary. */
export interface FoundWorker {
  readonly backend: string;
  readonly module: string;
  /** Of 127.0.0.1. */
  readonly port: number;
}

/** From a worker process to the primary. */
export type WorkerEvent =
  | { readonly type: 'listening'; readonly port: number }
  | { readonly type: 'failed'; readonly message: string }
  /** Every second. */
  | { readonly type: 'usage'; readonly usage: ProcessUsage };

/** From the primary to a worker process. */
export type WorkerCommand = { readonly type: 'drain'; readonly deadlineMs: number };
