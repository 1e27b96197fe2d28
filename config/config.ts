import type { AcmeConfig } from './acme-config.ts';
import type { BackendConfig } from './backend-config.ts';
import type { ListenerLimits, ListenerTimeouts } from './limits-config.ts';
import type { ResolverConfig } from './resolver-config.ts';

export type * from './backend-config.ts';

import type { RouteConfig } from './route-config.ts';

export type { RouteConfig } from './route-config.ts';

import type { ListenerTlsConfig } from './tls-config.ts';

export type { BackendTlsConfig, ListenerTlsConfig } from './tls-config.ts';

/**
 * The configuration as the program uses it: parsed once, every default filled in, durations in milliseconds, names checked.
 * `load.ts` makes it from `portico.yaml`; it crosses process boundaries as plain data.
 */
export interface Config {
  readonly sources: readonly SourcePoolConfig[];
  readonly listeners: readonly ListenerConfig[];
  readonly backends: readonly BackendConfig[];
  /** Absent: as if every key of it were left out of the file. */
  readonly resolver?: ResolverConfig;
  /** Absent: no certificate is ordered. */
  readonly acme?: AcmeConfig;
  readonly admin: AdminConfig;
  /** Number of data-plane processes; `auto` was resolved to the number of cores. */
  readonly planes: number;
  /** What one plane may take. Absent: what the machine has, shared. */
  readonly planeMemoryBytes?: number;
  /** The config file is looked at, and reloaded when it has changed. */
  readonly watchesFile?: boolean;
  /** How long connections are still accepted after Portico has begun to say that it stops. Absent: not at all. */
  readonly drainDelayMs?: number;
  /** A process that is silent for so long is taken for dead. */
  readonly heartbeatMs: number;
  /** How long planes and workers go on without a primary. 0: not at all. */
  readonly outlivePrimaryMs: number;
  /** How long a stop or a drain waits for what is open. */
  readonly drainTimeoutMs: number;
}

export interface SourcePoolConfig {
  readonly name: string;
  /** IP addresses, ranges and CIDR blocks written out, in order, without repeats. */
  readonly addresses: readonly string[];
  /** Portico adds the addresses to `interface`, and removes them. */
  readonly claim: boolean;
  readonly interface: string;
  readonly ports: { readonly low: number; readonly high: number };
  /** What becomes of ports in the kernel's ip_local_reserved_ports. */
  readonly reservedPorts: 'avoid' | 'use';
  readonly strategy: 'most-free' | 'round-robin';
  readonly exhaustion: {
    readonly queue: number;
    readonly timeoutMs: number;
    /** A forecast below it is worth a warning. */
    readonly warnMs: number;
  };
}

export interface ListenerConfig {
  readonly name: string;
  readonly host: string;
  /** 0 lets the kernel choose; tests use it. */
  readonly port: number;
  readonly engine: 'http' | 'tcp' | 'kernel' | 'haproxy';
  readonly protocol: 'tcp' | 'udp';
  /** Absent: clients come in the clear. */
  readonly tls?: ListenerTlsConfig;
  /** What HAProxy reads of it. Only the haproxy engine has one. */
  readonly mode?: 'http' | 'tcp';
  readonly routes: readonly RouteConfig[];
  /** Absent: as if every key of it were left out of the file. */
  readonly forwarding?: ForwardingConfig;
  /** Absent: none is kept. */
  readonly accessLog?: AccessLogConfig;
  /** Connections from trusted proxies start with a PROXY header. */
  readonly hasProxyHeaders: boolean;
  readonly limits: ListenerLimits;
  readonly timeouts: ListenerTimeouts;
  readonly tcp: TcpListenerConfig;
}

/** What only the tcp engine goes by. */
export interface TcpListenerConfig {
  /** Clients at once in one plane. `Infinity` is no limit. */
  readonly connections: number;
  /** A connection on which nothing passes either way. 0 means never. */
  readonly idleMs: number;
}

export interface AccessLogConfig {
  /** `stdout`, or a whole path. */
  readonly file: string;
  readonly format: 'json' | 'common' | 'combined';
  /** Share of the requests that are logged, from 0 to 1; those that fail always are. */
  readonly sample: number;
  /** Of each plane: what may wait for the disk. */
  readonly bufferBytes: number;
}

/** What servers are told of where a request comes from. */
export interface ForwardingConfig {
  /** Proxies whose word on that is believed. */
  readonly trusted: readonly { readonly address: string; readonly prefix: number }[];
  readonly style: 'x-forwarded' | 'forwarded' | 'both' | 'none';
  readonly via: boolean;
  /** Name of the header field for an id of each request. */
  readonly requestId?: string;
}

export interface AdminConfig {
  readonly listen: { readonly host: string; readonly port: number } | { readonly path: string };
  /** Of the socket at `path`. Absent: 0600. */
  readonly socketMode?: number;
  readonly tls?: AdminTlsConfig;
  readonly tokenFile?: string;
  /** Absent: `token`. */
  readonly metrics?: 'open' | 'token' | 'off';
  /** A whole path. */
  readonly auditLog?: string;
}

/** PEM files. */
export interface AdminTlsConfig {
  readonly cert: string;
  readonly key: string;
  /** Clients need a certificate of one of these authorities. */
  readonly clientCa?: string;
}
