import type { Children } from './children.ts';

/** `portico` pipelines to the servers, `portico-plain` does not; the other two have no such choice. */
export const ROLES = ['portico', 'portico-plain', 'haproxy', 'nginx'] as const;
export type Role = (typeof ROLES)[number];

export const NAMES: Readonly<Record<Role, string>> = {
  portico: 'Portico',
  'portico-plain': 'Portico, no pipelining',
  haproxy: 'HAProxy',
  nginx: 'nginx',
};

/** A balancer under comparison. */
export interface Subject {
  readonly role: Role;
  readonly port: number;
  /** The process whose CPU time and memory count. */
  readonly pid: number;
  /** Portico only. */
  readonly primary?: { readonly pid: number; readonly adminPort: number };
  stop(): Promise<void>;
}

export interface SubjectOptions {
  readonly role: Role;
  readonly port: number;
  /** Ports of the servers on 127.0.0.1. */
  readonly servers: readonly number[];
  /** For configs. */
  readonly directory: string;
  readonly children: Children;
  readonly isPinned: boolean;
  /** File for a line for each request; undefined: none are written. */
  readonly accessLog?: string | undefined;
  /** Clients speak HTTP/2 from their first byte; for those that can. */
  readonly isHttp2?: boolean;
  /** Clients come by TLS. `both`: certificate and key in one file. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly both: string } | undefined;
}
