import type { Config } from '../../config/config.ts';
import type { PlaneMetrics } from '../metrics/plane-metrics.ts';

/** A run of 128 consecutive ports of one source address: the unit in which ports change owner. */
export interface PortBlock {
  readonly pool: string;
  /** The source IP address. */
  readonly address: string;
  /** The first of the 128 ports; a pool's range may cut the block short at either end. */
  readonly firstPort: number;
  readonly lastPort: number;
}

/** What the primary knows of one server; planes route by it. */
export interface ServerState {
  /** `host:port`, also the label `server` of metrics. */
  readonly id: string;
  readonly host: string;
  readonly port: number;
  readonly weight: number;
  /** The verdict of the health checks. A server without checks is healthy. */
  readonly healthy: boolean;
  /** What the operator wants of it. */
  readonly admin: 'ready' | 'drain' | 'maintenance';
}

export interface BackendState {
  readonly name: string;
  readonly servers: readonly ServerState[];
}

/** From the primary to a plane. */
export type PlaneCommand =
  | {
      readonly type: 'start';
      readonly config: Config;
      readonly backends: readonly BackendState[];
      readonly blocks: readonly PortBlock[];
    }
  /**
   * Follows `start`, once for each listener; the message carries the bound socket (`openListenSocket`). All planes accept from the
   * same socket, so a plane that dies takes no connection with it that it had not accepted yet.
   */
  | { readonly type: 'listen'; readonly listener: string }
  | { readonly type: 'grant'; readonly blocks: readonly PortBlock[] }
  /** The whole state of one backend; replaces the former. */
  | { readonly type: 'backend'; readonly backend: BackendState }
  /** Answered by one `report` with the same id. */
  | { readonly type: 'report'; readonly id: number }
  /** Stop listening, finish what is open, exit 0 by the deadline. */
  | { readonly type: 'drain'; readonly deadlineMs: number };

/** From a plane to the primary. */
export type PlaneEvent =
  /** The process is up and waits for `start`. */
  | { readonly type: 'hello' }
  /** All listeners accept. */
  | { readonly type: 'ready' }
  /** Something that only a person can mend; the plane exits 1 after it. */
  | { readonly type: 'failed'; readonly code: string; readonly message: string }
  /** The plane runs low: grant more blocks of this pool, before it runs out. */
  | { readonly type: 'low'; readonly pool: string; readonly blocks: number }
  | { readonly type: 'report'; readonly id: number; readonly metrics: PlaneMetrics };

/** From a worker process to the primary. */
export type WorkerEvent =
  | { readonly type: 'listening'; readonly port: number }
  | { readonly type: 'failed'; readonly message: string };

/** From the primary to a worker process. */
export type WorkerCommand = { readonly type: 'drain'; readonly deadlineMs: number };
