/**
 * What was counted since the start of whoever counts, as plain numbers: it crosses process boundaries, and is added up over engines and
 * planes. Counters only grow during a life.
 */
export interface TrafficMetrics {
  readonly listeners: readonly ListenerMetrics[];
  readonly requests: readonly RequestMetrics[];
  /** Of listeners that relay connections as they are. */
  readonly streams: readonly StreamMetrics[];
  readonly servers: readonly UpstreamMetrics[];
  readonly retries: readonly { readonly backend: string; readonly reason: string; readonly count: number }[];
  /** Second requests to slow servers' siblings, and copies of requests. Absent: the engine makes none. */
  readonly hedges?: readonly OutcomeCount[];
  readonly mirrored?: readonly OutcomeCount[];
  /** Absent: the engine has none. */
  readonly queues?: readonly QueueMetrics[];
  readonly ports: readonly PortMetrics[];
  /** Times that a connection wanted a port and none was free, by what became of it. */
  readonly exhausted: readonly { readonly pool: string; readonly outcome: string; readonly count: number }[];
  /** Where the port map and the kernel differed, by kind. */
  readonly drift: readonly { readonly kind: string; readonly count: number }[];
  readonly queueDepth: readonly { readonly pool: string; readonly depth: number }[];
  /** Only whoever speaks TLS has them. */
  readonly tls?: readonly TlsMetrics[];
  /** Only whoever writes logs has them. */
  readonly logs?: readonly LogMetrics[];
}

export interface OutcomeCount {
  readonly backend: string;
  readonly outcome: string;
  readonly count: number;
}

/** Handshakes of one listener, or with the servers of one backend. */
export interface TlsMetrics {
  readonly side: 'listener' | 'backend';
  readonly name: string;
  readonly handshakes: readonly {
    readonly version: string;
    readonly kind: string;
    readonly cipher: string;
    readonly count: number;
  }[];
  readonly failures: readonly { readonly reason: string; readonly count: number }[];
}

/** Lines of one log file, by what became of them. */
export interface LogMetrics {
  readonly log: string;
  readonly outcome: 'written' | 'dropped' | 'failed';
  readonly count: number;
}

/** How near a plane is to what it may take. */
export interface PressureMetrics {
  /** Open now, and as many as there may be. */
  readonly descriptors: number;
  readonly descriptorLimit: number;
  readonly memoryLimitBytes: number;
  /** It accepts nothing now. */
  readonly isHeld: boolean;
  /** Times that it stopped accepting, by what was short. */
  readonly holds: readonly { readonly reason: string; readonly count: number }[];
}

/** What one plane counted, with the process that it is. */
export interface PlaneMetrics extends TrafficMetrics {
  readonly eventLoopLagSeconds: number;
  readonly residentBytes: number;
  readonly cpuSeconds: number;
  /** Of one plane; sums have none. */
  readonly pressure?: PressureMetrics;
}

export interface ListenerMetrics {
  readonly listener: string;
  /** Open client connections with a request or WebSocket under way or kept alive. */
  readonly connections: number;
  readonly connectionsTotal: number;
  readonly webSockets: number;
  /** Requests refused before a backend was chosen, by reason (`malformed`, `headers-too-large`, …). */
  readonly rejected: readonly { readonly reason: string; readonly count: number }[];
}

export interface RequestMetrics {
  readonly listener: string;
  readonly backend: string;
  /** Answers by status code. */
  readonly codes: readonly { readonly code: number; readonly count: number }[];
  readonly duration: Histogram;
}

/**
 * What became of a connection that is relayed as it is: both sides closed it; one side or the network broke it; nothing passed for too
 * long; no server could be connected to; none was healthy; no port or connection was free; this host ended it.
 */
export type StreamOutcome = 'closed' | 'reset' | 'idle' | 'connect-failed' | 'no-server' | 'exhausted' | 'stopped';

export interface StreamMetrics {
  readonly listener: string;
  readonly backend: string;
  /** Connections that are over. */
  readonly outcomes: readonly { readonly outcome: StreamOutcome; readonly count: number }[];
  /** From clients, and to them; without headers of the PROXY protocol. */
  readonly bytesIn: number;
  readonly bytesOut: number;
}

/** Bucket i counts values ≤ `bounds[i]`, not cumulative; the last of `counts` is the rest (so it has one more element than `bounds`). */
export interface Histogram {
  readonly bounds: readonly number[];
  readonly counts: readonly number[];
  readonly sum: number;
}

/** Requests of a backend that waited because every server had as many as it may have, and those that were not tried again. */
export interface QueueMetrics {
  readonly backend: string;
  /** Waiting now. */
  readonly depth: number;
  readonly queued: number;
  readonly timeouts: number;
  readonly refused: number;
  readonly shed: number;
  /** Retries that the budget forbade. */
  readonly retriesRefused: number;
}

export interface UpstreamMetrics {
  readonly backend: string;
  readonly server: string;
  /** Connections to it: those with a request under way, and those kept alive for the next. */
  readonly active: number;
  readonly idle: number;
  readonly connectsTotal: number;
  readonly connectFailuresTotal: number;
  /** Answers that began, and how long they took to, all together: from when a request was handed to a connection. */
  readonly answersTotal: number;
  readonly answerSeconds: number;
  /** 1 while the plane keeps requests from it because of what became of earlier ones; of several planes, how many do. */
  readonly ejected: number;
  readonly ejectionsTotal: number;
}

/** Ports of one source towards one destination, as one plane sees them (only the blocks that it owns). */
export interface PortMetrics {
  readonly pool: string;
  readonly source: string;
  /** `address:port` */
  readonly destination: string;
  readonly free: number;
  readonly used: number;
  readonly quarantined: number;
  readonly unusable: number;
  /** Leases ever made. */
  readonly leases: number;
}
