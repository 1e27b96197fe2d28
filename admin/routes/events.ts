import { Type } from '../../config/typebox.ts';
import type { AdminApp } from '../admin-app.ts';
import type { EventStreams } from '../events/event-streams.ts';
import type { EventsSource } from '../events/events-source.ts';
import { sendProblem } from '../problem.ts';
import { Event } from './event-schema.ts';

const StreamQuery = Type.Object(
  { types: Type.Optional(Type.String({ maxLength: 200, pattern: '^[a-z]+(,[a-z]+)*$' })) },
  { additionalProperties: false },
);

const LastEventId = Type.Object({
  'last-event-id': Type.Optional(Type.String({ description: 'Where to go on' })),
});

const HistoryQuery = Type.Object(
  {
    limit: Type.Integer({ minimum: 1, maximum: 1000, default: 100 }),
    before: Type.Optional(Type.String({ maxLength: 40 })),
    types: Type.Optional(Type.String({ maxLength: 200, pattern: '^[a-z]+(,[a-z]+)*$' })),
  },
  { additionalProperties: false },
);

const History = Type.Object(
  {
    events: Type.Array(Event),
    /** The `before` of the next page; null on the last one. */
    next: Type.Union([Type.String(), Type.Null()]),
  },
  { title: 'EventHistory' },
);

const MAX_KEPT = 4000;

/** `GET /api/v1/events`, a stream; `GET /api/v1/events/history`, page by page. */
export function eventRoutes(app: AdminApp, events: EventsSource, streams: EventStreams): void {
  app.get(
    '/api/v1/events',
    {
      config: { problems: [503] },
      schema: {
        summary: 'Server-sent events: what happens, and every second how things stand',
        tags: ['events'],
        headers: LastEventId,
        querystring: StreamQuery,
        response: { 200: { content: { 'text/event-stream': { schema: Type.String() } } } },
      },
      exposeHeadRoute: false,
    },
    (request, reply) => {
      if (streams.isFull) {
        return sendProblem(reply.header('Retry-After', '10'), 503, 'Too many streams of events are open.') as never;
      }
      const lastEventId = request.headers['last-event-id'];
      reply.hijack();
      reply.raw.writeHead(200, {
        ...(reply.getHeaders() as Record<string, string>),
        'Content-Type': 'text/event-stream',
        'Cache-Control': 'no-store',
        // nginx would hold events back.
        'X-Accel-Buffering': 'no',
      });
      streams.start(reply.raw, {
        lastEventId: typeof lastEventId === 'string' ? lastEventId : undefined,
        types: typesOf(request.query.types),
      });
      return reply as never;
    },
  );
  app.get(
    '/api/v1/events/history',
    {
      schema: {
        summary: 'The latest events, newest first',
        tags: ['events'],
        querystring: HistoryQuery,
        response: { 200: History },
      },
    },
    async ({ query: { limit, before, types } }) => {
      const wanted = typesOf(types);
      const all = events.before(before, MAX_KEPT).filter(({ type }) => wanted === undefined || wanted.has(type));
      const page = all.slice(0, limit).map((event) => ({ ...event, data: { ...event.data } }));
      return { events: page, next: all.length > limit ? page.at(-1)!.id : null };
    },
  );
}

function typesOf(text: string | undefined): ReadonlySet<string> | undefined {
  return text === undefined ? undefined : new Set(text.split(','));
}
