import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { collectDefaultMetrics, Registry } from 'prom-client';
import type { AdminConfig } from '../config/config.ts';
import type { Clock } from '../lb/clock.ts';
import type { AdminApp } from './admin-app.ts';
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

/** The admin server cannot start. */
export class AdminError extends Error {
  readonly code: 'ADMIN_LISTEN' | 'ADMIN_TOKEN' | 'ADMIN_EXPOSED';
  readonly source = 'config';
  readonly retryable = false;

  constructor(code: AdminError['code'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

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

  constructor(deps: AdminServerDeps, config: AdminConfig, options: AdminServerOptions = {}) {
    this.deps = deps;
    this.config = config;
    this.onError = options.onError ?? (() => {});
    this.topDestinations = options.topDestinations ?? TOP_DESTINATIONS;
  }

  /** Resolves with the URL, or the path of the socket. Throws AdminError; nothing listens then. */
  async start(): Promise<string> {
    const { listen } = this.config;
    const token = this.readToken();
    const isLocalOnly = 'host' in listen && isLoopback(listen.host);
    if (token === undefined && 'host' in listen && !isLocalOnly) {
      throw new AdminError(
        'ADMIN_EXPOSED',
        `the admin server would be open to everyone at ${this.where}; set admin.token_file, or listen on 127.0.0.1.`,
      );
    }
    if ('path' in listen) await removeStaleSocket(listen.path);
    const { auditLog } = this.config;
    const audit = new Audit({
      feed: this.deps.events,
      write: auditLog === undefined ? undefined : new AuditFile(auditLog).write,
    });
    const app = createAdminApp(
      {
        ...this.deps,
        audit,
        registry: this.processMetrics(),
        onError: this.onError,
        ui: readUiFiles(UI_FOLDER),
      },
      { token, isLocalOnly, topDestinations: this.topDestinations },
    );
    this.app = app;
    try {
      // Fastify writes into what it is given, and the config is frozen.
      return await app.listen({ ...listen });
    } catch (cause) {
      await this.stop();
      throw new AdminError('ADMIN_LISTEN', this.explain(cause as NodeJS.ErrnoException), { cause });
    }
  }

  /** Resolves when nothing listens and no connection is open. Idempotent. */
  async stop(): Promise<void> {
    await this.app?.close();
    this.app = undefined;
  }

  /** prom-client watches the event loop and the garbage collector from here on, and cannot be told to stop: once is enough. */
  private processMetrics(): Registry {
    if (this.registry === undefined) {
      this.registry = new Registry();
      collectDefaultMetrics({ register: this.registry, prefix: 'portico_primary_' });
    }
    return this.registry;
  }

  private readToken(): string | undefined {
    const { tokenFile } = this.config;
    if (tokenFile === undefined) return undefined;
    let token: string;
    try {
      token = readFileSync(tokenFile, 'utf8').trim();
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException;
      throw new AdminError('ADMIN_TOKEN', `admin.token_file ${tokenFile} cannot be read (${code}).`, { cause });
    }
    if (token === '') {
      throw new AdminError('ADMIN_TOKEN', `admin.token_file ${tokenFile} is empty; put a token into it.`);
    }
    if (/\s/.test(token)) {
      throw new AdminError(
        'ADMIN_TOKEN',
        `admin.token_file ${tokenFile} has spaces or more than one line; a token has neither.`,
      );
    }
    return token;
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
