import { createHash } from 'node:crypto';
import type { AdminApp } from '../admin-app.ts';
import { DOCS_STYLE, docsPage } from '../openapi/docs-page.ts';
import { type Json, withNamedSchemas } from '../openapi/named-schemas.ts';
import { StatusTick } from './event-schema.ts';

const plain = (value: unknown) => JSON.parse(JSON.stringify(value)) as { readonly [key: string]: Json };
const hash = createHash('sha256').update(DOCS_STYLE).digest('base64');
const POLICY = `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;

/** `GET /api/v1/openapi.json`, and `GET /api/v1/docs` for people. */
export function openApiRoutes(app: AdminApp): void {
  let known: { readonly [key: string]: Json } | undefined;
  // Routes do not change once it listens.
  const document = () => {
    known ??= withNamedSchemas(plain(app.swagger()), [plain(StatusTick)]);
    return known;
  };
  const config = { isUndocumented: true };
  app.get('/api/v1/openapi.json', { config }, async (_request, reply) => {
    return reply.type('application/json; charset=utf-8').send(JSON.stringify(document()));
  });
  app.get('/api/v1/docs', { config }, async (_request, reply) => {
    return reply.type('text/html; charset=utf-8').header('Content-Security-Policy', POLICY).send(docsPage(document()));
  });
}
