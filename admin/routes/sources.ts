import Type, { type Static } from 'typebox';
import type { PortMetrics } from '../../lb/metrics/plane-metrics.ts';
import { sumPlaneMetrics } from '../../lb/metrics/sum-plane-metrics.ts';
import type { SourceStatus } from '../../lb/source/source-status.ts';
import type { AdminApp } from '../admin-app.ts';
import type { AdminSource, Traffic } from '../admin-source.ts';

const Source = Type.Object({
  pool: Type.String(),
  address: Type.String(),
  blocks: Type.Optional(
    Type.Object({
      free: Type.Integer(),
      resting: Type.Integer(),
      owners: Type.Array(Type.Object({ owner: Type.String(), blocks: Type.Integer() })),
    }),
  ),
  /** Ports that planes own, towards each destination. */
  destinations: Type.Array(
    Type.Object({
      destination: Type.String(),
      free: Type.Integer(),
      used: Type.Integer(),
      quarantined: Type.Integer(),
      unusable: Type.Integer(),
    }),
  ),
});

const Sources = Type.Object({ sources: Type.Array(Source) });

/** Every source address that the ledger or a plane knows, the ledger's order first. */
function describeSources(ledger: readonly SourceStatus[], ports: readonly PortMetrics[]): Static<typeof Source>[] {
  const sources = new Map<string, Static<typeof Source>>();
  for (const { pool, address, blocks } of ledger) {
    sources.set(`${pool}\n${address}`, {
      pool,
      address,
      blocks: { ...blocks, owners: [...blocks.owners] },
      destinations: [],
    });
  }
  for (const { pool, source: address, destination, free, used, quarantined, unusable } of ports) {
    const key = `${pool}\n${address}`;
    const source = sources.get(key) ?? { pool, address, destinations: [] };
    sources.set(key, source);
    source.destinations.push({ destination, free, used, quarantined, unusable });
  }
  return [...sources.values()];
}

/** `GET /api/v1/sources` */
export function sourceRoutes(app: AdminApp, source: AdminSource, traffic: () => Promise<Traffic>): void {
  app.get('/api/v1/sources', { schema: { response: { 200: Sources } } }, async () => {
    const { planes } = await traffic();
    return { sources: describeSources(source.sources(), sumPlaneMetrics([...planes.values()]).ports) };
  });
}
