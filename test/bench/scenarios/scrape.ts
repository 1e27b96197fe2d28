import { performance } from 'node:perf_hooks';
import type { PortMetrics } from '../../../lb/metrics/plane-metrics.ts';
import { adminServerOf } from '../../fixtures/admin-app.ts';
import { FakeAdminSource, planeMetrics, sourceStatus } from '../../fixtures/fake-admin-source.ts';
import type { Scenario } from '../scenario.ts';
import { spread, summarize } from '../statistics.ts';

interface Size {
  readonly destinations: number;
  readonly sources: number;
}

const SIZES: readonly Size[] = [
  { destinations: 100, sources: 20 },
  { destinations: 1000, sources: 100 },
  { destinations: 10_000, sources: 100 },
];
/** For the first size. */
const MAX_MS = 50;
const SCRAPES = 5;

/** A primary whose planes have used every pair of a source and a destination. */
function sourceOf({ destinations, sources }: Size): FakeAdminSource {
  const ports: PortMetrics[] = [];
  for (let d = 0; d < destinations; d++) {
    for (let s = 0; s < sources; s++) {
      ports.push({
        pool: 'default',
        source: `10.0.0.${s}`,
        destination: `10.1.${d >> 8}.${d & 255}:80`,
        leases: d + s,
        free: 1000,
        used: (d * 7 + s) % 900,
        quarantined: s,
        unusable: 0,
      });
    }
  }
  const source = new FakeAdminSource();
  source.list = Array.from({ length: sources }, (_, s) => sourceStatus({ address: `10.0.0.${s}`, ports: 64_512 }));
  source.ahead = ports.map((port) => ({
    ...port,
    busy: port.used + port.quarantined,
    capacity: 64_512,
    leaseRate: 10,
    holdSeconds: 2,
    exhaustionSeconds: port.used === 0 ? Number.POSITIVE_INFINITY : 1000 + port.used / 7,
    addAddresses: 0,
  }));
  source.current = {
    planes: new Map([['plane-1', planeMetrics(1, { ports })]]),
    retired: undefined,
    isComplete: true,
  };
  return source;
}

async function measure(size: Size, scrapes: number): Promise<{ ms: number[]; bytes: number; series: number }> {
  const server = adminServerOf(sourceOf(size), { listen: { host: '127.0.0.1', port: 0 } });
  const url = await server.start();
  try {
    const ms: number[] = [];
    let text = '';
    // The first one is for the compiler.
    for (let i = 0; i <= scrapes; i++) {
      const started = performance.now();
      text = await (await fetch(`${url}/metrics`)).text();
      if (i > 0) ms.push(performance.now() - started);
    }
    return { ms, bytes: Buffer.byteLength(text), series: (text.match(/^[^#]/gm) ?? []).length };
  } finally {
    await server.stop();
  }
}

export const scrape: Scenario = {
  name: 'scrape',
  needs: [],
  run: async ({ options }) => {
    const rows: string[][] = [];
    let first = 0;
    for (const size of SIZES) {
      const { ms, bytes, series } = await measure(size, SCRAPES * options.rounds);
      if (rows.length === 0) first = summarize(ms).median;
      rows.push([`${size.destinations} × ${size.sources}`, String(series), (bytes / 1024).toFixed(0), spread(ms, 1)]);
    }
    return {
      title: 'How long a scrape takes',
      text: '`GET /metrics` of an admin server whose one plane has used so many destinations from so many sources; of them, the 100 with most ports in use have labels of their own. There is a forecast of each pair, as there is in use. What the plane itself does for its report is not in it.',
      columns: ['destinations × sources', 'series', 'KiB', 'ms'],
      rows,
      targets: [
        {
          what: 'a scrape with 100 destinations × 20 sources',
          value: `${first.toFixed(1)} ms`,
          bound: `≤ ${MAX_MS} ms`,
          isMet: first <= MAX_MS,
        },
      ],
    };
  },
};
