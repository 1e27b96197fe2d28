import type { FastifyReply, FastifyRequest } from 'fastify';
import type { AdminApp } from '../admin-app.ts';
import { sendProblem } from '../problem.ts';
import type { UiFile, UiFiles } from '../ui-files.ts';

/** They hold nothing of this Portico: the page asks for the token, and sends it with what it asks for. */
export const UI_ROUTES = ['/', '/assets/:name'] as const;

/**
 * Everything comes from here, and nothing is written into the page: no script or style in the HTML, no data: URL, no frame, no form that
 * goes anywhere.
 */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');

const NOT_BUILT = `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Portico</title>
<h1>Portico</h1>
<p>The pages for operators were not built; <code>npm run setup</code> in the clone builds them. Until then:</p>
<ul>
<li><a href="/api/v1/status">Status</a>: everything at a glance</li>
<li><a href="/api/v1/listeners">Listeners</a>, <a href="/api/v1/backends">backends</a>, <a href="/api/v1/sources">sources</a>, <a href="/api/v1/ports">ports</a></li>
<li><a href="/metrics">Metrics for Prometheus</a></li>
<li><a href="/healthz">Alive</a>, <a href="/readyz">ready</a></li>
</ul>
</html>
`;

/** `GET /` and `GET /assets/…`: the UI. Without `files` the page says how to build it. */
export function uiRoutes(app: AdminApp, files: UiFiles | undefined): void {
  const [page, assets] = UI_ROUTES;
  app.get(page, { config: { isUndocumented: true } }, async (request, reply) => {
    reply.headers({
      'Content-Security-Policy': POLICY,
      'X-Content-Type-Options': 'nosniff',
      'X-Frame-Options': 'DENY',
      'Referrer-Policy': 'no-referrer',
      'Cross-Origin-Opener-Policy': 'same-origin',
      'Cross-Origin-Resource-Policy': 'same-origin',
      // The page names its assets by what is in them, so it alone is asked for again.
      'Cache-Control': 'no-cache',
    });
    if (files === undefined) return reply.type('text/html; charset=utf-8').send(NOT_BUILT);
    return sendFile(request, reply, files.page);
  });
  app.get<{ Params: { name: string } }>(assets, { config: { isUndocumented: true } }, async (request, reply) => {
    const file = files?.assets.get(request.params.name);
    if (file === undefined) return sendProblem(reply, 404, `There is nothing at ${request.method} ${request.url}.`);
    reply.headers({
      'X-Content-Type-Options': 'nosniff',
      'Cross-Origin-Resource-Policy': 'same-origin',
      'Cache-Control': 'public, max-age=31536000, immutable',
    });
    return sendFile(request, reply, file);
  });
}

function sendFile({ headers }: FastifyRequest, reply: FastifyReply, file: UiFile): FastifyReply {
  reply.headers({ ETag: file.etag, Vary: 'Accept-Encoding' }).type(file.type);
  if (headers['if-none-match'] === file.etag) return reply.code(304).send();
  const accepted = String(headers['accept-encoding'] ?? '');
  const { brotli, gzip } = file;
  if (brotli !== undefined && /\bbr\b/.test(accepted)) return reply.header('Content-Encoding', 'br').send(brotli);
  if (gzip !== undefined && /\bgzip\b/.test(accepted)) return reply.header('Content-Encoding', 'gzip').send(gzip);
  return reply.send(file.body);
}
