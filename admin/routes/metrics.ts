import { Type } from '../../config/typebox.ts';
import type { AdminApp } from '../admin-app.ts';
import { acceptedFormat } from '../metrics/accepted-format.ts';
import type { ExpectedScrapes } from '../metrics/expected-scrapes.ts';
import type { Exposition } from '../metrics/exposition.ts';

/** Sent as the bytes that it is made of. */
const Text = { schema: Type.Unsafe<Buffer>({ type: 'string' }) };
const content = { 'text/plain': Text, 'application/openmetrics-text': Text };

/** `GET /metrics` for Prometheus. */
export function metricsRoutes(app: AdminApp, exposition: Exposition, scrapes: ExpectedScrapes): void {
  app.get(
    '/metrics',
    { schema: { summary: 'Metrics for Prometheus', tags: ['health'], response: { 200: { content } } } },
    async (request, reply) => {
      const format = acceptedFormat(request.headers.accept);
      reply.type(exposition.contentType(format)).header('Vary', 'Accept');
      return scrapes.answer(request.ip, format);
    },
  );
}
