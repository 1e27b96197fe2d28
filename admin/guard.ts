import { createHash, timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { sendProblem } from './problem.ts';

export interface GuardOptions {
  /** The token that requests must carry; undefined lets everyone in. */
  readonly token: string | undefined;
}

/** Answered without a token, for what restarts or routes by them. */
const OPEN_PATHS = new Set(['/healthz', '/readyz']);

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/**
 * Keeps out pages that an operator's browser was led to: DNS rebinding comes with a foreign name in `Host`, so only IP addresses and
 * `localhost` pass. With a token, asks for it.
 */
export function useGuard(app: FastifyInstance, { token }: GuardOptions): void {
  const expected = token === undefined ? undefined : digest(token);
  app.addHook('onRequest', async (request, reply) => {
    if (!isDirectName(request.hostname)) {
      return sendProblem(
        reply,
        421,
        `This server does not answer for "${request.hostname}"; use its IP address or localhost.`,
      );
    }
    if (expected === undefined || OPEN_PATHS.has(request.url)) return undefined;
    const given = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1];
    // Both sides are digests, so the comparison takes the same time for every token.
    if (given !== undefined && timingSafeEqual(digest(given), expected)) return undefined;
    return sendProblem(reply.header('WWW-Authenticate', 'Bearer'), 401, 'This server asks for a bearer token.');
  });
}

function isDirectName(hostname: string): boolean {
  const name = hostname.replace(/^\[(.*)\]$/, '$1').toLowerCase();
  return name === 'localhost' || isIP(name) !== 0;
}
