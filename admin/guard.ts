import { createHash, timingSafeEqual } from 'node:crypto';
import type { Actor } from './actor.ts';
import type { AdminApp } from './admin-app.ts';
import { isLoopback } from './loopback.ts';
import { sendProblem } from './problem.ts';
import { UI_ROUTES } from './routes/ui.ts';

export interface GuardOptions {
  /** The token that requests must carry; undefined lets everyone in. */
  readonly token: string | undefined;
  /** Answer only those who reached the server by a loopback address or as `localhost`. */
  readonly isLocalOnly: boolean;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Who asks; set before any handler runs. */
    actor: Actor;
  }
}

/** Answered without a token: for what restarts or routes by them, and the page that asks for the token. */
const OPEN_ROUTES = new Set<string | undefined>(['/healthz', '/readyz', ...UI_ROUTES]);

const READING = new Set(['GET', 'HEAD', 'OPTIONS']);

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/**
 * With `isLocalOnly`, keeps out pages that an operator's browser was led to: DNS rebinding comes with the page's own name in `Host`.
 * A request without `Host` (HTTP/1.0 probes) comes from no browser. What changes something must not come from a page of another origin:
 * browsers name the page's in `Origin`, programs send none. With a token, asks for it (RFC 6750).
 */
export function useGuard(app: AdminApp, { token, isLocalOnly }: GuardOptions): void {
  const expected = token === undefined ? undefined : digest(token);
  app.decorateRequest('actor');
  app.addHook('onRequest', async (request, reply) => {
    const address = request.ip === '' || request.ip === undefined ? 'unix' : request.ip;
    request.actor = { name: token === undefined ? 'anyone' : 'token', role: 'admin', address };
    const { host, origin, authorization } = request.headers;
    if (isLocalOnly && host !== undefined && !isLocal(host)) {
      return sendProblem(reply, 421, `This server does not answer for "${host}"; use 127.0.0.1 or localhost.`);
    }
    if (origin !== undefined && !READING.has(request.method) && !isSameHost(origin, host)) {
      return sendProblem(reply, 403, 'This server takes no orders from pages of another origin.');
    }
    if (expected === undefined || OPEN_ROUTES.has(request.routeOptions.url)) return undefined;
    const given = /^Bearer +(\S+) *$/i.exec(authorization ?? '')?.[1];
    // Both sides are digests, so the comparison takes the same time for every token.
    if (given !== undefined && timingSafeEqual(digest(given), expected)) return undefined;
    return sendProblem(reply.header('WWW-Authenticate', 'Bearer'), 401, 'This server asks for a bearer token.');
  });
}

/** `host` is what the header `Host` holds: a name or address, IPv6 in brackets, and maybe a port. */
function isLocal(host: string): boolean {
  const match = /^(?:\[([0-9a-f:.]+)\]|([^:[\]]+))(?::\d*)?$/i.exec(host);
  const name = match?.[1] ?? match?.[2] ?? '';
  return name.toLowerCase() === 'localhost' || isLoopback(name);
}

/** The scheme is not compared: a proxy in front may speak TLS. `null`, the origin of sandboxed pages, is nobody's. */
function isSameHost(origin: string, host: string | undefined): boolean {
  return host !== undefined && URL.canParse(origin) && new URL(origin).host === host.toLowerCase();
}
