import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import type { FastifyInstance } from 'fastify';
import type { AdminConfig } from '../config/config.ts';
import type { AdminSource } from './admin-source.ts';
import { createAdminApp } from './app.ts';

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

/** Listens where the config says. */
export class AdminServer {
  private readonly config: AdminConfig;
  private readonly source: AdminSource;
  private app: FastifyInstance | undefined = undefined;

  constructor(source: AdminSource, config: AdminConfig) {
    this.source = source;
    this.config = config;
  }

  /** Resolves with the URL, or the path of the socket. Throws AdminError. */
  async start(): Promise<string> {
    const { listen } = this.config;
    const token = this.readToken();
    if (token === undefined && 'host' in listen && !isLoopback(listen.host)) {
      throw new AdminError(
        'ADMIN_EXPOSED',
        `the admin server would be open to everyone at ${listen.host}:${listen.port}; set admin.token_file, or listen on 127.0.0.1.`,
      );
    }
    const app = createAdminApp(this.source, { token });
    this.app = app;
    try {
      // Fastify writes into what it is given, and the config is frozen.
      return await app.listen({ ...listen });
    } catch (cause) {
      throw new AdminError('ADMIN_LISTEN', this.explain(cause as NodeJS.ErrnoException), { cause });
    }
  }

  /** Idempotent. */
  async stop(): Promise<void> {
    await this.app?.close();
    this.app = undefined;
  }

  private readToken(): string | undefined {
    const { tokenFile } = this.config;
    if (tokenFile === undefined) return undefined;
    let token: string;
    try {
      token = readFileSync(tokenFile, 'utf8').trim();
    } catch (cause) {
      throw new AdminError(
        'ADMIN_TOKEN',
        `admin.token_file ${tokenFile} cannot be read (${(cause as NodeJS.ErrnoException).code}).`,
        { cause },
      );
    }
    if (token === '')
      throw new AdminError('ADMIN_TOKEN', `admin.token_file ${tokenFile} is empty; put a token into it.`);
    return token;
  }

  private explain(error: NodeJS.ErrnoException): string {
    const { listen } = this.config;
    const where = 'path' in listen ? listen.path : `${listen.host}:${listen.port}`;
    return error.code === 'EADDRINUSE'
      ? `the admin address ${where} is in use; stop the program that has it or change admin.listen.`
      : `the admin server cannot listen on ${where} (${error.code ?? error.message}); change admin.listen.`;
  }
}

function isLoopback(host: string): boolean {
  return isIP(host) !== 0 && (host.startsWith('127.') || host === '::1');
}
