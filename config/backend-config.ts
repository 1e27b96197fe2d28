import type { BackendTlsConfig } from './tls-config.ts';

export interface BackendConfig {
  readonly name: string;
  readonly balance: 'round-robin' | 'least-connections' | 'random-two' | 'peak-ewma' | 'hash' | 'maglev';
  /** With `hash` and `maglev`: no server gets more than this of its fair share of the requests under way; 0: no bound. */
  readonly hashBalancePercent: number;
  /** What `hash` and `maglev` hash. */
  readonly hash: { readonly by: 'client' } | { readonly by: 'header' | 'cookie'; readonly name: string };
  /** The source pool it is reached from. */
  readonly source: string;
  /** Requests in flight on one connection at most; 1 is no pipelining. */
  readonly pipelining: number;
  /** Connections to one server from one plane at most. */
  readonly connectionsPerServer: number;
  /** Connections besides those, whose answer waits for a client that does not read. */
  readonly stalledPerServer: number;
  /** Requests under way at one server at most, of all planes together; 0: any number. */
  readonly requestsPerServer: number;
  /** How many that is follows from how long its answers take; `requestsPerServer` is 0 then. */
  readonly adaptsRequests: boolean;
  /** Requests that may wait, in each plane, until a server may take one more. */
  readonly queue: {
    readonly most: number;
    readonly timeoutMs: number;
    /** While it does not get empty for `intervalMs`, nobody waits longer than `targetMs`; 0: as long as `timeoutMs`. */
    readonly shed: { readonly targetMs: number; readonly intervalMs: number };
  };
  /** How often a request is tried on another server after a failure that makes it safe. */
  readonly retries: number;
  readonly retry: RetryConfig;
  /** Absent: one server is asked at a time. */
  readonly hedge?: HedgeConfig;
  /** Requests of one session go to one server. */
  readonly sticky?: StickyConfig;
  readonly timeouts: {
    readonly connectMs: number;
    /** From the request's last byte to the answer's head, and between two parts of the answer. */
    readonly responseMs: number;
    /** An idle kept-alive connection to a server. */
    readonly idleMs: number;
  };
  /** Each connection to a server starts with a PROXY header, and serves one client alone. */
  readonly proxyProtocol?: 'v1' | 'v2';
  /** Absent: servers are spoken to in the clear. */
  readonly tls?: BackendTlsConfig;
  readonly health?: HealthConfig;
  /** Ejection of servers that fail real requests. */
  readonly outlier?: OutlierConfig;
  /** Over which time a server that comes (back) gets its whole share; 0: at once. */
  readonly slowStartMs: number;
  readonly servers: readonly ServerConfig[];
  /** Servers by name: each stands for as many as DNS has addresses for it. Absent: none. */
  readonly names?: readonly NamedServerConfig[];
  readonly workers?: WorkersConfig;
}

export interface RetryConfig {
  readonly on: readonly ('connect' | 'closed' | 'bad-answer' | 'timeout')[];
  /** Answers that call for another server. */
  readonly statuses: StatusRanges;
  /** Retries for each hundred requests at most, besides `minPerSecond`. */
  readonly budgetPercent: number;
  readonly minPerSecond: number;
  /** How long one try may take to the head of its answer while another is possible; 0: as long as the last one. */
  readonly perTryTimeoutMs: number;
}

/** When a second server is asked as well: after a time, or after that within which a share of the answers comes. */
export type HedgeConfig = { readonly afterMs: number } | { readonly afterQuantile: number };

export type StickyConfig =
  | {
      readonly by: 'cookie';
      readonly name: string;
      /** Makes the cookie's value one that nobody can work out. */
      readonly key?: string;
      readonly isSecure: boolean;
      /** 0: until the browser closes. */
      readonly maxAgeMs: number;
    }
  | { readonly by: 'header'; readonly name: string; readonly entries: number; readonly ttlMs: number };

export interface HealthConfig {
  /** Absent: a TCP connection passes. */
  readonly http?: HttpCheckConfig;
  /** Checked instead of the server's own port. */
  readonly port?: number;
  readonly intervalMs: number;
  /** Instead of `intervalMs` while the verdict is not settled: no check has come through, or the last ones speak against it. */
  readonly fastIntervalMs: number;
  /** Each interval is longer or shorter by up to this share, in percent. */
  readonly jitterPercent: number;
  readonly timeoutMs: number;
  readonly rise: number;
  readonly fall: number;
}

export interface HttpCheckConfig {
  readonly method: 'GET' | 'HEAD' | 'OPTIONS';
  readonly path: string;
  /** Of the `Host` field. Absent: address and port. */
  readonly host?: string;
  readonly statuses: StatusRanges;
  /** What the body has to contain. */
  readonly body?: string;
}

/** First and last status of each range. */
export type StatusRanges = readonly (readonly [number, number])[];

export interface OutlierConfig {
  /** Failures in a row that eject a server; 0: any number is borne. */
  readonly failuresInARow: number;
  /** Share of failures within an interval that ejects it; 0: any share is borne. */
  readonly failurePercent: number;
  /** With fewer requests in the interval nothing is said about the share. */
  readonly minRequests: number;
  readonly intervalMs: number;
  /** The n-th ejection takes n times this. */
  readonly ejectionMs: number;
  readonly maxEjectionMs: number;
  /** Of the servers of the backend. */
  readonly maxEjectedPercent: number;
  /** Answers that are failures. */
  readonly statuses: StatusRanges;
}

export interface ServerConfig {
  readonly host: string;
  readonly port: number;
  /** 0 to 256; 0 gets no new requests. */
  readonly weight: number;
  /** Gets requests only while no other server is available. */
  readonly backup: boolean;
  /** What it starts as. Absent: ready. */
  readonly state?: 'drain' | 'maintenance';
}

/** What holds for each of its addresses. */
export interface NamedServerConfig extends Omit<ServerConfig, 'host'> {
  /** In lower case. */
  readonly name: string;
}

export interface WorkersConfig {
  /** Absolute path of the module to run. */
  readonly module: string;
  /** `auto` was resolved to the number of cores. */
  readonly count: number;
  /** A worker that is silent for so long is taken for dead. */
  readonly heartbeatMs: number;
}
