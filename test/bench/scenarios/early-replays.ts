import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { CertificateMaker } from '../../fixtures/certificates.ts';
import { EarlyClient, replay } from '../../fixtures/first-flight.ts';
import { launch, until } from '../launch.ts';
import type { Bench, Scenario, Section } from '../scenario.ts';
import { NAMES, type Role, type SubjectOptions } from '../subject.ts';
import { startPorticoWith } from '../subjects/portico.ts';

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

interface Certificate {
  readonly cert: string;
  readonly key: string;
  readonly both: string;
}

/** One recorded first flight of TLS 1.3 with a request in it, sent again and again: how often a server gets to see it. */
export const earlyReplays: Scenario = { name: 'early-replays', needs: [], run };

async function run(bench: Bench): Promise<Section> {
  const { children, options, directory } = bench;
  const { cert, key } = new CertificateMaker().leaf({ names: ['a.example'] });
  const both = join(directory, 'early.pem');
  writeFileSync(both, readFileSync(cert, 'utf8') + readFileSync(key, 'utf8'));
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
      const stop = await start({ role, port, servers, directory, children, isPinned: false }, { cert, key, both });
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

async function start(options: SubjectOptions, certificate: Certificate): Promise<() => Promise<void>> {
  const { role, port, servers, directory, children } = options;
  const [server] = servers;
  if (role === 'portico') {
    const { stop } = await startPorticoWith(
      options,
      `listeners:
  - name: web
    bind: "127.0.0.1:${port}"
    tls: { certificates: [{ cert: ${certificate.cert}, key: ${certificate.key} }], early_data: true }
    routes: [{ backend: app, early_data: true }]
backends: [{ name: app, servers: [{ address: "127.0.0.1:${server}" }] }]
`,
      PROCESSES,
    );
    return stop;
  }
  const file = join(directory, `${role}-early.conf`);
  writeFileSync(
    file,
    role === 'haproxy' ? haproxyConf(port, server!, certificate) : nginxConf(port, server!, certificate, directory),
  );
  const args = role === 'haproxy' ? ['-db', '-f', file] : ['-c', file, '-p', directory];
  const child = await launch(role, args, options);
  return () => children.end(child);
}

const haproxyConf = (port: number, server: number, { both }: Certificate): string => `global
  nbthread ${PROCESSES}
  maxconn 9800
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
frontend web
  bind 127.0.0.1:${port} ssl crt ${both} alpn http/1.1 allow-0rtt
  default_backend app
backend app
  server a 127.0.0.1:${server}
`;

const nginxConf = (port: number, server: number, { cert, key }: Certificate, directory: string): string => `daemon off;
worker_processes ${PROCESSES};
worker_rlimit_nofile 20000;
pid ${directory}/nginx-early.pid;
error_log ${directory}/nginx-early.log;
events { worker_connections 4096; }
http {
  access_log off;
  client_body_temp_path ${directory}/body;
  proxy_temp_path ${directory}/proxy;
  server {
    listen 127.0.0.1:${port} ssl backlog=4096;
    ssl_certificate ${cert};
    ssl_certificate_key ${key};
    ssl_protocols TLSv1.3;
    ssl_early_data on;
    location / {
      proxy_pass http://127.0.0.1:${server};
      proxy_set_header Early-Data $ssl_early_data;
    }
  }
}
`;
