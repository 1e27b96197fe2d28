import { askByTls } from '../../fixtures/tls-client.ts';
import type { Bench, Scenario, Section } from '../scenario.ts';
import { startEarly } from '../subjects/early.ts';
import { makeTlsFiles } from '../tls-files.ts';

/** Counted from the first port of the benchmark; the one after it is of the admin server. */
const PORT = 158;
const SERVER = 101;
const PLANES = 4;
const RETURNS = 1000;
const AT_ONCE = 20;
const LEAST_SHARE = 0.95;
const GET = 'GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n';

/** How many of those who come back with a ticket resume, at whichever plane they reach. */
export const tlsResumption: Scenario = { name: 'tls-resumption', needs: [], run };

async function run({ children, options, directory }: Bench): Promise<Section> {
  const tls = makeTlsFiles(directory);
  const port = options.basePort + PORT;
  const servers = [options.basePort + SERVER];
  const portico = await startEarly(
    { role: 'portico', port, servers, directory, children, isPinned: options.isPinned, tls },
    PLANES,
  );
  try {
    const rows: string[][] = [];
    let least = 1;
    for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
      const secure = { ca: tls.ca, minVersion: version, maxVersion: version };
      const resumed = await comeBack(port, secure);
      least = Math.min(least, resumed / RETURNS);
      rows.push([version, RETURNS.toLocaleString('en'), resumed.toLocaleString('en')]);
    }
    return {
      title: `TLS: resumption with ${PLANES} planes`,
      text: `${AT_ONCE} clients at once (node:tls) come back again and again with the last ticket that they got, on new connections, which the kernel spreads over the planes.`,
      columns: ['', 'returns', 'resumed'],
      rows,
      targets: [
        {
          what: 'resumed',
          value: `${(least * 100).toFixed(1)} %`,
          bound: `≥ ${LEAST_SHARE * 100} %`,
          isMet: least >= LEAST_SHARE,
        },
      ],
    };
  } finally {
    await portico.stop();
  }
}

async function comeBack(port: number, secure: Parameters<typeof askByTls>[2]): Promise<number> {
  const perClient = RETURNS / AT_ONCE;
  const counts = await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      let { session } = await askByTls(port, GET, secure, /hello/);
      let resumed = 0;
      for (let i = 0; i < perClient; i++) {
        const answer = await askByTls(port, GET, { ...secure, ...(session === undefined ? {} : { session }) }, /hello/);
        if (answer.isReused) resumed += 1;
        session = answer.session ?? session;
      }
      return resumed;
    }),
  );
  return counts.reduce((sum, count) => sum + count, 0);
}
