import type { TLSSocket } from 'node:tls';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Clock } from '../lb/clock.ts';
import { FailureLimit } from './access/failure-limit.ts';
import { SECURITY_HEADERS, STRICT_TRANSPORT } from './access/security-headers.ts';
import type { Tokens } from './access/token-store.ts';
import type { Actor } from './actor.ts';
import type { AdminApp } from './admin-app.ts';
import { isLoopback } from './loopback.ts';
import { sendProblem } from './problem.ts';
import { UI_ROUTES } from './routes/ui.ts';

export interface GuardDeps {
  readonly clock: Clock;
  /** A client has given so many wrong tokens that it is not listened to for a while. */
  readonly onLockedOut: (address: string) => void;
}

export interface GuardOptions {
  /** The tokens of which requests must carry one; undefined lets everyone in. */
  readonly tokens: Tokens | undefined;
  /** Answer only those who reached the server by a loopback address or as `localhost`. */
  readonly isLocalOnly: boolean;
  /** `/metrics` for everyone, for those with a token, or for nobody. */
  readonly metrics: 'open' | 'token' | 'off';
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Who asks; set before any handler runs. */
    actor: Actor;
  }
  interface FastifyContextConfig {
    /** It is no GET, and changes nothing: tokens that may only read may ask for it. */
    readonly isReading?: boolean;
  }
}

/** Answered without a token: for what restarts or routes by them, and the page that asks for the token. */
const OPEN_ROUTES = new Set<string | undefined>(['/healthz', '/readyz', ...UI_ROUTES]);

const METRICS = '/metrics';
const READING = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * With `isLocalOnly`, keeps out pages that an operator's browser was led to: DNS rebinding comes with the page's own name in `Host`.
 * A request without `Host` (HTTP/1.0 probes) comes from no browser. What changes something must not come from a page of another origin:
 * browsers name the page's in `Origin`, programs send none. With tokens, asks for one (RFC 6750); those that may only read change nothing.
 */
export function useGuard(app: AdminApp, { clock, onLockedOut }: GuardDeps, options: GuardOptions): void {
  const { tokens, isLocalOnly, metrics } = options;
  const failures = new FailureLimit(clock);
  app.decorateRequest('actor');
  app.addHook('onRequest', async (request, reply) => {
    const { host, origin, authorization } = request.headers;
    const { config, url } = request.routeOptions;
    request.actor = { name: nameOfCertificate(request) ?? 'anyone', role: 'admin', address: addressOf(request) };
    reply.headers(SECURITY_HEADERS);
    if ('encrypted' in request.socket) reply.header('Strict-Transport-Security', STRICT_TRANSPORT);
    if (isLocalOnly && host !== undefined && !isLocal(host)) {
      return sendProblem(reply, 421, `This server does not answer for "${host}"; use 127.0.0.1 or localhost.`);
    }
    const isReading = READING.has(request.method);
    if (origin !== undefined && !isReading && !isSameHost(origin, host)) {
      return sendProblem(reply, 403, 'This server takes no orders from pages of another origin.');
    }
    if (url === METRICS && metrics === 'off') return sendProblem(reply, 404, 'Metrics are turned off.');
    if (tokens === undefined || OPEN_ROUTES.has(url) || (url === METRICS && metrics === 'open')) return undefined;
    const waitSeconds = failures.waitSeconds(request.actor.address);
    if (waitSeconds > 0) return refuseForNow(reply, waitSeconds);
    const given = /^Bearer +(\S+) *$/i.exec(authorization ?? '')?.[1];
    const owner = given === undefined ? undefined : tokens.find(given);
    if (owner === undefined) {
      // Whoever gave none has tried none.
      if (given !== undefined && failures.fail(request.actor.address)) onLockedOut(request.actor.address);
      return sendProblem(reply.header('WWW-Authenticate', 'Bearer'), 401, 'This server asks for a bearer token.');
    }
    request.actor = { ...owner, address: request.actor.address };
    if (owner.role === 'admin' || isReading || config.isReading === true) return undefined;
    return sendProblem(reply, 403, `The token of ${owner.name} may look at everything and change nothing.`);
  });
}

function refuseForNow(reply: FastifyReply, waitSeconds: number): FastifyReply {
  const detail = `Too many wrong tokens came from there; try again in ${waitSeconds} s.`;
  return sendProblem(reply.header('Retry-After', String(waitSeconds)), 429, detail);
}

/** A socket file has no addresses. */
function addressOf({ socket }: FastifyRequest): string {
  return socket.remoteAddress ?? 'unix';
}

/** Of the client's certificate; the handshake has checked it. */
function nameOfCertificate({ socket }: FastifyRequest): string | undefined {
  if (!('authorized' in socket) || socket.authorized !== true) return undefined;
  const name = (socket as unknown as TLSSocket).getPeerCertificate().subject?.CN;
  return typeof name === 'string' ? name : undefined;
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
