import type { Static } from 'typebox';
import { Type } from '../../config/typebox.ts';
import type { PortForecast } from '../../lb/forecast/forecaster.ts';
import type { PortMetrics } from '../../lb/metrics/plane-metrics.ts';
import type { SourceStatus } from '../../lb/source/source-status.ts';
import type { AdminApp } from '../admin-app.ts';
import type { AdminSource, Traffic } from '../admin-source.ts';
import { liveTraffic } from '../live-traffic.ts';
import { withSourceFree } from '../with-source-free.ts';
import { Forecast, forecastKey, jsonForecast } from './forecast.ts';
import { describeSource, Source } from './source.ts';

const SourceWithUse = Type.Object(
  {
    ...Source.properties,
    /** Ports of the source towards each destination. */
    destinations: Type.Array(
      Type.Object({
        destination: Type.String(),
        free: Type.Integer(),
        used: Type.Integer(),
        quarantined: Type.Integer(),
        unusable: Type.Integer(),
        forecast: Type.Optional(Forecast),
      }),
    ),
  },
  { title: 'SourceInUse' },
);

const Sources = Type.Object({ sources: Type.Array(SourceWithUse) }, { title: 'Sources' });

function describeSources(
  sources: readonly SourceStatus[],
  ports: readonly PortMetrics[],
  forecasts: readonly PortForecast[],
): Static<typeof SourceWithUse>[] {
  const ahead = new Map(forecasts.map((forecast) => [forecastKey(forecast), forecast]));
  const rows = new Map(
    sources.map((source) => [
      `${source.pool}\n${source.address}`,
      { ...describeSource(source), destinations: [] as Static<typeof SourceWithUse>['destinations'] },
    ]),
  );
  for (const port of withSourceFree(ports, sources)) {
    const { pool, source, destination, free, used, quarantined, unusable } = port;
    const forecast = ahead.get(forecastKey(port));
    rows.get(`${pool}\n${source}`)?.destinations.push({
      destination,
      free,
      used,
      quarantined,
      unusable,
      ...(forecast === undefined ? {} : { forecast: jsonForecast(forecast) }),
    });
  }
  return [...rows.values()];
}

/** `GET /api/v1/sources` */
export function sourceRoutes(app: AdminApp, source: AdminSource, traffic: () => Promise<Traffic>): void {
  app.get(
    '/api/v1/sources',
    {
      schema: {
        summary: 'Source addresses, with their ports towards each destination',
        tags: ['sources'],
        response: { 200: Sources },
      },
    },
    async () => {
      const { ports } = liveTraffic(await traffic());
      return { sources: describeSources(source.sources(), ports, source.forecasts()) };
    },
  );
}
