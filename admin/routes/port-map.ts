import Type from 'typebox';
import type { AdminApp } from '../admin-app.ts';
import type { AdminSource, Traffic } from '../admin-source.ts';
import { liveTraffic } from '../live-traffic.ts';
import { portCells } from '../port-cells.ts';
import { withSourceFree } from '../with-source-free.ts';
import { finiteOrNull, forecastKey } from './forecast.ts';
import { describeSource, Source } from './source.ts';

const Int = Type.Integer();
const OrNull = Type.Union([Type.Number(), Type.Null()]);

/** Lists by column: with ten thousand destinations, names of members would be most of the answer. */
export const PortMap = Type.Object({
  pools: Type.Array(Type.Object({ name: Type.String(), low: Int, high: Int })),
  sources: Type.Array(Source),
  destinations: Type.Array(Type.String()),
  /** Element i of each list is about one pair: indexes into `sources` and `destinations`, ports, and the forecast (null: never). */
  pairs: Type.Object({
    source: Type.Array(Int),
    destination: Type.Array(Int),
    free: Type.Array(Int),
    used: Type.Array(Int),
    quarantined: Type.Array(Int),
    unusable: Type.Array(Int),
    exhaustion_seconds: Type.Array(OrNull),
    add_addresses: Type.Array(Int),
  }),
});

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
export const Strip = Type.Object({
  pool: Type.String(),
  source: Type.String(),
  destination: Type.String(),
  first: Type.Array(Int),
  ports: Type.Array(Int),
  used: Type.Array(Int),
  quarantined: Type.Array(Int),
  unusable: Type.Array(Int),
});

const Strips = Type.Object({ strips: Type.Array(Strip) });

/**
 * `GET /api/v1/ports/map`: how full every source is towards every destination, in numbers; `GET /api/v1/ports/strips?pair=…`: where in the
 * port range, for as many pairs as one can look at.
 */
export function portMapRoutes(app: AdminApp, source: AdminSource, traffic: () => Promise<Traffic>): void {
  app.get(
    '/api/v1/ports/map',
    {
      schema: {
        summary: 'How full every source is towards every destination, in numbers',
        tags: ['sources'],
        response: { 200: PortMap },
      },
    },
    async () => {
      const { ports } = liveTraffic(await traffic());
      const sources = source.sources();
      const ahead = new Map(source.forecasts().map((each) => [forecastKey(each), each]));
      const sourceAt = new Map(sources.map(({ pool, address }, i) => [`${pool}\n${address}`, i]));
      const destinationAt = new Map<string, number>();
      const known = withSourceFree(ports, sources).flatMap((port) => {
        const at = sourceAt.get(`${port.pool}\n${port.source}`);
        return at === undefined ? [] : [{ port, at, forecast: ahead.get(forecastKey(port)) }];
      });
      for (const { port } of known) {
        if (!destinationAt.has(port.destination)) destinationAt.set(port.destination, destinationAt.size);
      }
      return {
        pools: [...source.portRanges()].map(([name, range]) => ({ name, ...range })),
        sources: sources.map(describeSource),
        destinations: [...destinationAt.keys()],
        pairs: {
          source: known.map(({ at }) => at),
          destination: known.map(({ port }) => destinationAt.get(port.destination)!),
          free: known.map(({ port }) => port.free),
          used: known.map(({ port }) => port.used),
          quarantined: known.map(({ port }) => port.quarantined),
          unusable: known.map(({ port }) => port.unusable),
          exhaustion_seconds: known.map(({ forecast }) =>
            finiteOrNull(forecast?.exhaustionSeconds ?? Number.POSITIVE_INFINITY),
          ),
          add_addresses: known.map(({ forecast }) => forecast?.addAddresses ?? 0),
        },
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
