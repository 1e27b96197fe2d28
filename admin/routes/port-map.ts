import { Type } from '../../config/typebox.ts';
import type { PortForecast } from '../../lb/forecast/forecaster.ts';
import type { AdminApp } from '../admin-app.ts';
import type { AdminSource, Traffic } from '../admin-source.ts';
import { liveTraffic } from '../live-traffic.ts';
import { portCells } from '../port-cells.ts';
import { type PortPage, portPage } from '../port-page.ts';
import { finiteOrNull, forecastKey } from './forecast.ts';
import { describeSource, Source } from './source.ts';

const Int = Type.Integer();

const MAX_PAIRS = 1000;

const MapQuery = Type.Object({
  pool: Type.Optional(Type.String({ maxLength: 100 })),
  text: Type.String({ maxLength: 100, default: '', description: 'A part of a source address or a destination' }),
  busy: Type.Boolean({ default: false, description: 'Only pairs of which ports are in use' }),
  offset: Type.Integer({ minimum: 0, maximum: 100_000_000, default: 0, description: 'How many pairs to pass over' }),
  limit: Type.Integer({ minimum: 1, maximum: MAX_PAIRS, default: 100, description: 'How many pairs to tell' }),
});

export const PortMap = Type.Object(
  {
    pools: Type.Array(Type.Object({ name: Type.String(), low: Int, high: Int })),
    sources: Type.Array(
      Type.Object({
        ...Source.properties,
        /** Pairs of it that were asked for, and all that there are. */
        shown: Int,
        destinations: Int,
        /** How full the fullest of those is; 1 is full. */
        fullest: Type.Number(),
      }),
    ),
    /** Of all that is known, whatever was asked for. */
    destinations: Int,
    /** Pairs that were asked for, before `offset` and `limit`. */
    total: Int,
    offset: Int,
    /** In the order of the sources, and of each source the fullest first. */
    pairs: Type.Array(
      Type.Object({
        /** Index into `sources`. */
        source: Int,
        destination: Type.String(),
        free: Int,
        used: Int,
        quarantined: Int,
        unusable: Int,
        /** Null: never, or nothing is known yet. */
        exhaustion_seconds: Type.Union([Type.Number(), Type.Null()]),
        add_addresses: Int,
      }),
    ),
  },
  { title: 'PortMap' },
);

const MAX_STRIPS = 64;
const MAX_CELLS = 128;

const StripsQuery = Type.Object({
  /** `source destination`, with one space between them. */
  pair: Type.Union([
    Type.String({ maxLength: 160 }),
    Type.Array(Type.String({ maxLength: 160 }), { maxItems: MAX_STRIPS }),
  ]),
});

/** Lists by cell, from the first to the last port of the pool's range. */
export const Strip = Type.Object(
  {
    pool: Type.String(),
    source: Type.String(),
    destination: Type.String(),
    first: Type.Array(Int),
    ports: Type.Array(Int),
    used: Type.Array(Int),
    quarantined: Type.Array(Int),
    unusable: Type.Array(Int),
  },
  { title: 'PortStrip' },
);

const Strips = Type.Object({ strips: Type.Array(Strip) });

/**
 * `GET /api/v1/ports/map`: how full sources are towards destinations, in numbers, a part at a time; `GET /api/v1/ports/strips?pair=…`: where
 * in the port range, for as many pairs as one can look at.
 */
export function portMapRoutes(app: AdminApp, source: AdminSource, traffic: () => Promise<Traffic>): void {
  app.get(
    '/api/v1/ports/map',
    {
      schema: {
        summary: 'How full every source is towards every destination, in numbers',
        tags: ['sources'],
        querystring: MapQuery,
        response: { 200: PortMap },
      },
    },
    async ({ query: { pool, text, busy, offset, limit } }) => {
      const { ports } = liveTraffic(await traffic());
      const page = portPage(ports, source.sources(), { pool, text, isBusyOnly: busy, offset, limit });
      const ahead = forecastsOf(source.forecasts(), page);
      return {
        pools: [...source.portRanges()].map(([name, range]) => ({ name, ...range })),
        sources: page.groups.map(({ source: status, ...group }) => ({ ...describeSource(status), ...group })),
        destinations: new Set(ports.map(({ destination }) => destination)).size,
        total: page.total,
        offset,
        pairs: page.pairs.map(({ group, free, port }) => {
          const forecast = ahead.get(forecastKey(port));
          return {
            source: group,
            destination: port.destination,
            free,
            used: port.used,
            quarantined: port.quarantined,
            unusable: port.unusable + page.groups[group]!.source.heldElsewhere,
            exhaustion_seconds: finiteOrNull(forecast?.exhaustionSeconds ?? Number.POSITIVE_INFINITY),
            add_addresses: forecast?.addAddresses ?? 0,
          };
        }),
      };
    },
  );
  app.get(
    '/api/v1/ports/strips',
    {
      schema: {
        summary: 'Where in the port range some pairs are used',
        tags: ['sources'],
        querystring: StripsQuery,
        response: { 200: Strips },
      },
    },
    async (request) => {
      const ranges = source.portRanges();
      const uses = await Promise.all(
        [request.query.pair].flat().map((pair) => {
          const [from = '', to = ''] = pair.split(' ');
          return source.portUse({ source: from, destination: to, limit: 1 });
        }),
      );
      return {
        strips: uses.flat().flatMap((use) => {
          const range = ranges.get(use.pool);
          if (range === undefined) return [];
          const cells = portCells(use, range, MAX_CELLS);
          return [
            {
              pool: use.pool,
              source: use.source,
              destination: use.destination,
              first: cells.map(({ first }) => first),
              ports: cells.map(({ ports }) => ports),
              used: cells.map(({ used }) => used),
              quarantined: cells.map(({ quarantined }) => quarantined),
              unusable: cells.map(({ unusable }) => unusable),
            },
          ];
        }),
      };
    },
  );
}

/** Only those of the page: a key for each of all would be most of the work. */
function forecastsOf(forecasts: readonly PortForecast[], { pairs }: PortPage): ReadonlyMap<string, PortForecast> {
  const shown = new Set(pairs.map(({ port }) => port.destination));
  return new Map(forecasts.filter((each) => shown.has(each.destination)).map((each) => [forecastKey(each), each]));
}
