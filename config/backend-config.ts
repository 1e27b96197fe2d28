export interface BackendConfig {
  readonly name: string;
  readonly balance: 'round-robin' | 'least-connections' | 'random-two' | 'hash';
  /** What `hash` hashes. */
  readonly hash: { readonly by: 'client' } | { readonly by: 'header' | 'cookie'; readonly name: string };
  /** The source pool it is reached from. */
  readonly source: string;
  /** Requests in flight on one connection at most; 1 is no pipelining. */
  readonly pipelining: number;
  /** Connections to one server from one plane at most. */
  readonly connectionsPerServer: number;
  /** How often a request is tried on another server after a failure that makes it safe. */
  readonly retries: number;
  readonly timeouts: {
    readonly connectMs: number;
    /** From the request's last byte to the answer's head, and between two parts of the answer. */
    readonly responseMs: number;
    /** An idle kept-alive connection to a server. */
    readonly idleMs: number;
  };
  readonly health?: HealthConfig;
  readonly servers: readonly ServerConfig[];
  readonly workers?: WorkersConfig;
}

export interface HealthConfig {
  /** Present: HTTP GET of it, 2xx and 3xx pass. Absent: a TCP connection passes. */
  readonly path?: string;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly rise: number;
  readonly fall: number;
}

export interface ServerConfig {
  readonly host: string;
  readonly port: number;
  /** 0 to 256; 0 gets no new requests. */
  readonly weight: number;
}

export interface WorkersConfig {
  /** Absolute path of the module to run. */
  readonly module: string;
  /** `auto` was resolved to the number of cores. */
  readonly count: number;
}
