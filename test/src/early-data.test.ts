import { once } from 'node:events';
import http, { type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import t, { type Test } from 'tap';
import { CertificateMaker } from '../fixtures/certificates.ts';
import { EarlyClient, replay } from '../fixtures/first-flight.ts';
import { freePorts, PorticoProcess, writeConfig } from '../fixtures/portico-process.ts';

const maker = new CertificateMaker();
const { cert, key } = maker.leaf({ names: ['a.example'] });

interface Running {
  readonly web: number;
  readonly seen: readonly IncomingMessage[];
  readonly metrics: () => Promise<string>;
  readonly server: http.Server;
  readonly stop: () => Promise<unknown>;
}

async function start(t: Test, planes: number): Promise<Running> {
  const seen: IncomingMessage[] = [];
  const server = http.createServer((request, response) => {
    if (request.url !== '/healthz') seen.push(request);
    if (request.url === '/early/no') response.statusCode = 425;
    response.end('hello');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const [web, admin] = await freePorts();
  const portico = new PorticoProcess([
    'run',
    '-c',
    writeConfig(`
planes: ${planes}
admin: { listen: "127.0.0.1:${admin}" }
listeners:
  - name: web
    bind: "127.0.0.1:${web}"
    tls: { certificates: [{ cert: "${cert}", key: "${key}" }], early_data: true }
    routes:
      - { path: /early/, backend: app, early_data: true }
      - { backend: app }
backends:
  - { name: app, servers: [{ address: "127.0.0.1:${(server.address() as AddressInfo).port}" }] }
`),
  ]);
  const stop = (): Promise<unknown> => {
    portico.child.kill('SIGTERM');
    return portico.ended();
  };
  t.teardown(async () => {
    await stop();
    server.closeAllConnections();
    server.close();
  });
  await portico.until(/Portico is running\./);
  return { web, seen, server, stop, metrics: async () => (await fetch(`http://127.0.0.1:${admin}/metrics`)).text() };
}

const get = (path: string, more = ''): string =>
  `GET ${path} HTTP/1.1\r\nHost: a.example\r\n${more}Connection: close\r\n\r\n`;

t.test('what comes early: served, held back, and told to servers', async (t) => {
  const { web, seen, metrics } = await start(t, 2);
  const client = new EarlyClient();
  await client.takeTicket(web);
  const said = (): unknown => [seen.at(-1)!.method, seen.at(-1)!.url, seen.at(-1)!.headers['early-data']];

  const early = await client.early(web, get('/early/x'));
  t.match(early, /Early data was accepted/);
  t.match(early, /200 OK/);
  t.same(said(), ['GET', '/early/x', '1']);

  await client.takeTicket(web);
  const held = await client.early(web, get('/other'));
  t.match(held, /Early data was accepted/);
  t.match(held, /200 OK/);
  t.same(said(), ['GET', '/other', undefined], 'a route that does not allow it waits for the handshake');

  await client.takeTicket(web);
  t.match(
    await client.early(web, 'DELETE /early/x HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n'),
    /200 OK/,
  );
  t.same(said(), ['DELETE', '/early/x', undefined], 'as does what changes something');

  await client.takeTicket(web);
  t.match(await client.early(web, get('/early/no')), /425 Too Early/, 'a server that will not have it');

  await client.takeTicket(web);
  await client.early(web, get('/other', 'Early-Data: 1\r\nEarly_Data: 1\r\n'));
  t.same(
    [seen.at(-1)!.headers['early-data'], seen.at(-1)!.headers.early_data],
    [undefined, undefined],
    'no client says it',
  );
  t.match(await metrics(), /portico_tls_handshakes_total\{[^}]*version="1.3",kind="early-accepted"\} 5/);
});

t.test('one recorded flight, sent again and again to four planes at once: one reaches a server', async (t) => {
  const { web, seen, server, stop } = await start(t, 4);
  const client = new EarlyClient();
  await client.takeTicket(web);
  const flight = await client.record(get('/early/once'));
  const times = (): number => seen.filter(({ url }) => url === '/early/once').length;
  const first = await replay(web, flight, 200);
  while (times() === 0) await once(server, 'request');
  const second = await replay(web, flight, 200);
  // Nor do those that were refused get further: without the client's Finished there is no request.
  first();
  second();
  // What is under way is finished first.
  await stop();
  t.equal(times(), 1);
});
