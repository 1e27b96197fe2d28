import type { Static } from 'typebox';
import { Type } from '../../config/typebox.ts';
import type { PortUse } from '../../lb/source/port-use.ts';
import type { AdminApp } from '../admin-app.ts';
import type { AdminSource } from '../admin-source.ts';
import { portCells } from '../port-cells.ts';
import { finiteOrNull, forecastKey } from './forecast.ts';

const Query = Type.Object({
  source: Type.Optional(Type.String()),
  destination: Type.Optional(Type.String()),
  limit: Type.Integer({ minimum: 1, maximum: 1000, default: 100 }),
  offset: Type.Integer({ minimum: 0, maximum: 100_000, default: 0, description: 'How many to pass over' }),
});

const Counts = { used: Type.Integer(), quarantined: Type.Integer(), unusable: Type.Integer(), ports: Type.Integer() };

export const PortRow = Type.Object(
  {
    pool: Type.String(),
    source: Type.String(),
    destination: Type.String(),
    /** `ports`: usable ones of the source; `free`: those of them that are not taken towards this destination. */
    ...Counts,
    free: Type.Integer(),
    /** Null: never, or nothing is known yet. */
    exhaustion_seconds: Type.Union([Type.Number(), Type.Null()]),
    /** Addresses that the pool needs besides its own for this destination. */
    add_addresses: Type.Integer(),
    /** From the first to the last port of the pool's range. */
    cells: Type.Array(Type.Object({ first: Type.Integer(), last: Type.Integer(), ...Counts })),
  },
  { title: 'PortRow' },
);

const Ports = Type.Object(
  {
    ports: Type.Array(PortRow),
    /** The `offset` of the next page; null on the last one. */
    next: Type.Union([Type.Integer(), Type.Null()]),
  },
  { title: 'Ports' },
);

const MAX_CELLS = 64;

/** Those of sources that are not listed any more are left out: nothing is known of their ports. */
function describePorts(source: AdminSource, use: readonly PortUse[]): Static<typeof PortRow>[] {
  const usable = new Map(source.sources().map((each) => [`${each.pool}\n${each.address}`, each.ports]));
  const forecasts = new Map(source.forecasts().map((each) => [forecastKey(each), each]));
  const ranges = source.portRanges();
  return use.flatMap((pair) => {
    const ports = usable.get(`${pair.pool}\n${pair.source}`);
    const range = ranges.get(pair.pool);
    if (ports === undefined || range === undefined) return [];
    const cells = portCells(pair, range, MAX_CELLS);
    const sum = (of: 'used' | 'quarantined' | 'unusable'): number => cells.reduce((all, cell) => all + cell[of], 0);
    const counts = { used: sum('used'), quarantined: sum('quarantined'), unusable: sum('unusable') };
    const forecast = forecasts.get(forecastKey(pair));
    return [
      {
        pool: pair.pool,
        source: pair.source,
        destination: pair.destination,
        ports,
        free: Math.max(0, ports - counts.used - counts.quarantined - counts.unusable),
        ...counts,
        exhaustion_seconds: finiteOrNull(forecast?.exhaustionSeconds ?? Number.POSITIVE_INFINITY),
        add_addresses: forecast?.addAddresses ?? 0,
        cells,
      },
    ];
  });
}

const freeShare = ({ free, ports }: Static<typeof PortRow>): number => (ports === 0 ? 0 : free / ports);

/** `GET /api/v1/ports`: how full each source is towards each destination, fullest first. */
export function portRoutes(app: AdminApp, source: AdminSource): void {
  app.get(
    '/api/v1/ports',
    {
      schema: {
        summary: 'How full each source is towards each destination, fullest first',
        tags: ['sources'],
        querystring: Query,
        response: { 200: Ports },
      },
    },
    async ({ query: { limit, offset, ...filter } }) => {
      const end = offset + limit;
      // One more than is shown says whether there are more.
      const rows = describePorts(source, await source.portUse({ ...filter, limit: end + 1 }));
      rows.sort((a, b) => freeShare(a) - freeShare(b));
      return { ports: rows.slice(offset, end), next: rows.length > end ? end : null };
    },
  );
}
