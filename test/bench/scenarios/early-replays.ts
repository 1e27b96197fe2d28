import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { EarlyClient, replay } from '../../fixtures/first-flight.ts';
import { until } from '../launch.ts';
import type { Bench, Scenario, Section } from '../scenario.ts';
import { NAMES, type Role } from '../subject.ts';
import { startEarly } from '../subjects/early.ts';
import { makeTlsFiles } from '../tls-files.ts';

/** Counted from the first port of the benchmark; the one after it is of the admin server. */
const PORT = 190;
const ROLES = ['portico', 'haproxy', 'nginx'] as const;
/** Planes, threads or processes: what one remembers, another has to know. */
const PROCESSES = 4;
const COPIES = 10_000;
/** Connections that send their copy in the same moment. */
const AT_ONCE = 500;
/** Once counts stand still for so long, no request is under way any more. */
const QUIET_MS = 1000;

/** One recorded first flight of TLS 1.3 with a request in it, sent again and again: how often a server gets to see it. */
export const earlyReplays: Scenario = { name: 'early-replays', needs: [], run };

async function run(bench: Bench): Promise<Section> {
  const { children, options, directory } = bench;
  const tls = makeTlsFiles(directory);
  let seen = 0;
  const server = http.createServer((request, response) => {
    if (request.url === '/once') seen += 1;
    response.end('hello');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const rows: string[][] = [];
  const reached = new Map<Role, number>();
  try {
    for (const role of ROLES) {
      const servers = [(server.address() as AddressInfo).port];
      const port = options.basePort + PORT;
      seen = 0;
      const subject = { role, port, servers, directory, children, isPinned: false, tls };
      const { stop } = await startEarly(subject, PROCESSES);
      try {
        const client = new EarlyClient();
        await client.takeTicket(port);
        const flight = await client.record('GET /once HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n');
        for (let sent = 0; sent < COPIES; sent += AT_ONCE) (await replay(port, flight, AT_ONCE))();
        await settled(() => seen);
      } finally {
        await stop();
      }
      reached.set(role, seen);
      rows.push([NAMES[role], COPIES.toLocaleString('en'), seen.toLocaleString('en')]);
    }
  } finally {
    server.closeAllConnections();
    server.close();
  }
  const portico = reached.get('portico')!;
  return {
    title: 'Replayed early data',
    text: `One first flight with a GET in it (TLS 1.3 early data), recorded and sent on ${COPIES.toLocaleString('en')} connections, ${AT_ONCE} in the same moment, to ${PROCESSES} planes, threads (HAProxy, \`allow-0rtt\`) or processes (nginx, \`ssl_early_data on\`).`,
    columns: ['', 'copies sent', 'requests that reached the server'],
    rows,
    // None at all would say that early data does not work, and nothing of copies.
    targets: [{ what: 'copies that reach a server', value: String(portico), bound: '1', isMet: portico === 1 }],
  };
}

async function settled(count: () => number): Promise<void> {
  let last = -1;
  await until('requests to come to an end', async () => {
    const isStill = count() === last;
    last = count();
    if (!isStill) await new Promise((resolve) => setTimeout(resolve, QUIET_MS));
    return isStill;
  });
}
