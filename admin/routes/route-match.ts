import { Type } from '../../config/typebox.ts';
import { Router } from '../../lb/route/router.ts';
import type { AdminApp } from '../admin-app.ts';
import type { AdminSource } from '../admin-source.ts';
import { describeRoute } from '../describe-route.ts';
import { sendProblem } from '../problem.ts';

const Strings = Type.Array(Type.String());
const Backends = Type.Array(Type.Object({ name: Type.String(), weight: Type.Integer() }));
const Route = { conditions: Strings, target: Type.String(), backends: Backends };

export const Routes = Type.Object(
  {
    listeners: Type.Array(
      Type.Object({
        name: Type.String(),
        engine: Type.String(),
        /** In the order in which they are tried; the first that takes a request wins. */
        routes: Type.Array(Type.Object(Route)),
      }),
    ),
  },
  { title: 'Routes' },
);

const Question = Type.Object(
  {
    /** Default: the first listener. */
    listener: Type.Optional(Type.String()),
    method: Type.String({ default: 'GET', maxLength: 32 }),
    scheme: Type.Union([Type.Literal('http'), Type.Literal('https')], { default: 'http' }),
    host: Type.String({ default: '', maxLength: 255 }),
    /** With its query. */
    path: Type.String({ default: '/', maxLength: 8192 }),
    headers: Type.Record(Type.String({ maxLength: 256 }), Type.String({ maxLength: 8192 }), { default: {} }),
  },
  { additionalProperties: false },
);

export const RouteMatch = Type.Object(
  {
    listener: Type.String(),
    /** From 0; null: no route takes it. */
    index: Type.Union([Type.Integer(), Type.Null()]),
    ...Route,
  },
  { title: 'RouteMatch' },
);

/**
 * `GET /api/v1/routes`; `POST /api/v1/routes/match`: which route of a listener takes a request, by the router that planes use. Nothing is
 * sent, and nothing changed.
 */
export function routeMatchRoutes(app: AdminApp, source: AdminSource): void {
  app.get(
    '/api/v1/routes',
    {
      schema: {
        summary: 'The routes of every listener, as a person reads them',
        tags: ['traffic'],
        response: { 200: Routes },
      },
    },
    async () => ({
      listeners: source
        .listeners()
        .map(({ name, engine, routes }) => ({ name, engine, routes: routes.map(describeRoute) })),
    }),
  );
  app.post(
    '/api/v1/routes/match',
    {
      config: { problems: [404], isReading: true },
      schema: {
        summary: 'Which route takes a request',
        tags: ['traffic'],
        body: Question,
        response: { 200: RouteMatch },
      },
    },
    async ({ body }, reply) => {
      const { listener: name, method, scheme, host, path, headers } = body;
      const listener = source.listeners().find((each) => name === undefined || each.name === name);
      if (listener === undefined) return sendProblem(reply, 404, `There is no listener "${name}".`) as never;
      const fields = new Map(Object.entries(headers).map(([field, value]) => [field.toLowerCase(), value]));
      const at = path.indexOf('?');
      const parameters = new URLSearchParams(at < 0 ? '' : path.slice(at));
      const index = new Router(listener.routes).match({
        method,
        scheme,
        host: host.toLowerCase(),
        path: at < 0 ? path : path.slice(0, at),
        header: (field) => (field === 'host' ? host : fields.get(field)),
        parameter: (field) => parameters.get(field) ?? undefined,
      });
      if (index === undefined) {
        return { listener: listener.name, index: null, conditions: [], target: 'answer 404', backends: [] };
      }
      return { listener: listener.name, index, ...describeRoute(listener.routes[index]!) };
    },
  );
}
