import type { AdminApp } from '../admin-app.ts';

const PAGE = `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Portico</title>
<h1>Portico</h1>
<ul>
<li><a href="/api/v1/status">Status</a>: everything at a glance</li>
<li><a href="/api/v1/listeners">Listeners</a>, <a href="/api/v1/backends">backends</a>, <a href="/api/v1/sources">sources</a>, <a href="/api/v1/ports">ports</a></li>
<li><a href="/metrics">Metrics for Prometheus</a></li>
<li><a href="/healthz">Alive</a>, <a href="/readyz">ready</a></li>
</ul>
</html>
`;

/** `GET /`: where to look. */
export function indexRoutes(app: AdminApp): void {
  app.get('/', async (_request, reply) => {
    reply
      .type('text/html; charset=utf-8')
      .header('Content-Security-Policy', "default-src 'none'")
      .header('X-Content-Type-Options', 'nosniff');
    return PAGE;
  });
}
