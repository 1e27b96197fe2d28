import type { ProxyVersion } from '../proxy-protocol/write-proxy-header.ts';
import type { OutgoingTls } from '../tls/outgoing-tls.ts';
import type { WaitQueueOptions } from '../wait-queue.ts';
import type { Exchange, Failure } from './exchange.ts';

export interface ServerOptions {
  readonly id: string;
  readonly host: string;
  readonly port: number;
  readonly weight: number;
  readonly pipelining: number;
  readonly connections: number;
  /** Connections besides, whose answer waits for a client that does not read. */
  readonly stalled: number;
  /** For a connection. */
  readonly queue: WaitQueueOptions;
  /** Requests under way at most; `Infinity` for any number, undefined for what the times of its answers say. */
  readonly requests: number | undefined;
  readonly connectTimeoutMs: number;
  readonly responseTimeoutMs: number;
  readonly idleTimeoutMs: number;
  /** Each connection starts with a PROXY header, and serves the client that it names. */
  readonly proxyProtocol: ProxyVersion | undefined;
  /** Undefined: it is spoken to in the clear. */
  readonly tls: OutgoingTls | undefined;
  /** By status: 1 where the answer is a failure of the server. */
  readonly failing: Uint8Array;
  /** How long it takes to answer is measured. */
  readonly isMeasured: boolean;
}

/** What a server tells its backend. */
export interface ServerEvents {
  /** Requests that wait for any server of the backend. */
  readonly waitingForAny: number;
  onExchangeFailed(exchange: Exchange, failure: Failure): void;
  /** A connection, the port of one, or a place among the requests has become free, and nobody waits here for it. */
  onRoom(): void;
  /** It waited for too long in a queue that stands. */
  shed(exchange: Exchange): void;
  /** An answer took so long; only of servers that are measured. */
  onLatency(latencyMs: number): void;
  /** The time for one try runs from now on. */
  onTry(exchange: Exchange): void;
  /** Whether the exchange, answered with that status, has been sent to another server instead. */
  sendsElsewhere(exchange: Exchange, status: number): boolean;
}
