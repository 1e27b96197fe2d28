import { chmodSync } from 'node:fs';
import type { Server as TlsServer } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { collectDefaultMetrics, Registry } from 'prom-client';
import type { AdminConfig } from '../config/config.ts';
import type { Clock } from '../lb/clock.ts';
import { AdminTls } from './access/admin-tls.ts';
import { TokenStore } from './access/token-store.ts';
import type { AdminApp } from './admin-app.ts';
import { AdminError } from './admin-error.ts';
import type { AdminSource } from './admin-source.ts';
import { createAdminApp } from './app.ts';
import type { ConfigSource } from './config-source.ts';
import { Audit } from './events/audit.ts';
import { AuditFile } from './events/audit-file.ts';
import type { EventFeed } from './events/event-feed.ts';
import { isLoopback } from './loopback.ts';
import type { OnError } from './problem.ts';
import { removeStaleSocket } from './stale-socket.ts';
import { readUiFiles } from './ui-files.ts';

export interface AdminServerDeps {
  readonly source: AdminSource;
  readonly clock: Clock;
  /** Milliseconds since 1970. */
  readonly epochMs: () => number;
  /** What is shown at `/api/v1/events`; changes are added to it. */
  readonly events: EventFeed;
  /** Absent: there is no config file. */
  readonly config?: ConfigSource | undefined;
}

export interface AdminServerOptions {
  /** Called with what made an answer a 500. Default: nothing. */
  readonly onError?: OnError;
  /** How many destinations get labels of their own in the metrics. Default: 100, those with most ports in use. */
  readonly topDestinations?: number;
}

const TOP_DESTINATIONS = 100;
const OWNER_ONLY = 0o600;
/** Where the build puts it, beside this file. */
const UI_FOLDER = fileURLToPath(new URL('ui', import.meta.url));

/** Listens where the config says. */
export class AdminServer {
  private readonly config: AdminConfig;
  private readonly deps: AdminServerDeps;
  private readonly onError: OnError;
  private readonly topDestinations: number;
  private registry: Registry | undefined = undefined;
  private app: AdminApp | undefined = undefined;
  private tls: AdminTls | undefined = undefined;

  constructor(deps: AdminServerDeps, config: AdminConfig, options: AdminServerOptions = {}) {
    this.deps = deps;
    this.config = config;
    this.onError = options.onError ?? (() => {});
    this.topDestinations = options.topDestinations ?? TOP_DESTINATIONS;
  }

  /** Resolves with the URL, or the path of the socket. Throws AdminError; nothing listens then. */
  async start(): Promise<string> {
    const { listen, tokenFile, metrics = 'token', tls } = this.config;
    const isLocalOnly = 'host' in listen && isLoopback(listen.host);
    if ('host' in listen && !isLocalOnly) this.refuseToBeExposed();
    const { clock, events } = this.deps;
    const tokens =
      tokenFile === undefined
        ? undefined
        : new TokenStore({ clock, onTrouble: (message) => this.alarm(message, 'token-file') }, tokenFile);
    this.tls =
      tls === undefined
        ? undefined
        : new AdminTls({ clock, onTrouble: (message) => this.alarm(message, 'admin-tls') }, tls);
    const https = this.tls?.options();
    if ('path' in listen) await removeStaleSocket(listen.path);
    const { auditLog } = this.config;
    const app = createAdminApp(
      {
        ...this.deps,
        audit: new Audit({ feed: events, write: auditLog === undefined ? undefined : new AuditFile(auditLog).write }),
        registry: this.processMetrics(),
        onError: this.onError,
        onLockedOut: (address) => this.alarm(`too many wrong tokens came from ${address}`, 'wrong-tokens', { address }),
        ui: readUiFiles(UI_FOLDER),
      },
      { tokens, isLocalOnly, metrics, https, topDestinations: this.topDestinations },
    );
    this.app = app;
    try {
      // Fastify writes into what it is given, and the config is frozen.
      const where = await app.listen({ ...listen });
      if ('path' in listen) chmodSync(listen.path, this.config.socketMode ?? OWNER_ONLY);
      this.tls?.follow(app.server as unknown as TlsServer);
      return where;
    } catch (cause) {
      await this.stop();
      throw new AdminError('ADMIN_LISTEN', this.explain(cause as NodeJS.ErrnoException), { cause });
    }
  }

  /** Resolves when nothing listens and no connection is open. Idempotent. */
  async stop(): Promise<void> {
    this.tls?.stop();
    await this.app?.close();
    this.app = undefined;
  }

  /** The config loader says the same with line and column; a program may have made a config without it. */
  private refuseToBeExposed(): void {
    const { tokenFile, tls } = this.config;
    if (tokenFile === undefined && tls?.clientCa === undefined) {
      throw new AdminError(
        'ADMIN_EXPOSED',
        `the admin server would be open to everyone at ${this.where}; set admin.token_file, or listen on 127.0.0.1.`,
      );
    }
    if (tls === undefined) {
      throw new AdminError(
        'ADMIN_EXPOSED',
        `tokens for the admin server at ${this.where} could be read on their way; set admin.tls, or listen on 127.0.0.1.`,
      );
    }
  }

  private alarm(message: string, kind: string, data: Readonly<Record<string, unknown>> = {}): void {
    this.deps.events.append({ type: 'alarm', severity: 'warning', message, data: { kind, ...data } });
  }

  /** prom-client watches the event loop and the garbage collector from here on, and cannot be told to stop: once is enough. */
  private processMetrics(): Registry {
    if (this.registry === undefined) {
      this.registry = new Registry();
      collectDefaultMetrics({ register: this.registry, prefix: 'portico_primary_' });
    }
    return this.registry;
  }

  private get where(): string {
    const { listen } = this.config;
    if ('path' in listen) return listen.path;
    return `${listen.host.includes(':') ? `[${listen.host}]` : listen.host}:${listen.port}`;
  }

  private explain(error: NodeJS.ErrnoException): string {
    return error.code === 'EADDRINUSE'
      ? `the admin address ${this.where} is in use; stop the program that has it or change admin.listen.`
      : `the admin server cannot listen on ${this.where} (${error.code ?? error.message}); change admin.listen.`;
  }
}
