import http from 'node:http';
import t from 'tap';
import { freePorts } from '../fixtures/portico-process.ts';
import { clients, echoServer, HaproxyLab, noHaproxy } from '../fixtures/running-haproxy.ts';
import { get } from '../fixtures/steady-load.ts';

const CLIENTS = 400;

t.test('whoever waits at HAProxy for a port in vain is counted, once', { skip: noHaproxy }, async (t) => {
  const echo = await echoServer(t);
  const held: http.ServerResponse[] = [];
  const server = http.createServer((_, response) => held.push(response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  const { port } = server.address() as { port: number };
  const [raw, web] = await freePorts();
  const lab = await HaproxyLab.start(
    t,
    `
sources:
  - { name: narrow, addresses: [127.0.9.5], ports: 25000-25255, exhaustion: { timeout: 500ms } }
  - { name: other, addresses: [127.0.9.6], ports: 25000-25255, exhaustion: { timeout: 500ms } }
listeners:
  - { name: raw, bind: "127.0.0.1:${raw}", engine: haproxy, backend: streams }
  - { name: web, bind: "127.0.0.1:${web}", engine: haproxy, routes: [{ backend: app }] }
backends:
  - { name: streams, source: narrow, servers: [{ address: "127.0.0.1:${echo}" }] }
  - { name: app, source: other, servers: [{ address: "127.0.0.1:${port}" }] }
`,
  );
  const told = (pool: string, isTrue: (value: number) => boolean): Promise<number> =>
    lab.until('portico_source_exhausted_total', `pool="${pool}",outcome="queue-timeout"`, isTrue);

  const streams = await clients(t);
  const { open, failures } = await streams.open('127.0.0.1', raw, CLIENTS, CLIENTS);
  const refused = Object.values(failures).reduce((sum, count) => sum + count, 0);
  t.equal(open + refused, CLIENTS);
  t.ok(refused >= CLIENTS - 256, `${refused} for which there was no port`);
  t.equal(await told('narrow', (value) => value >= refused), refused);
  await streams.ask({ type: 'close', count: CLIENTS });

  let unavailable = 0;
  const requests = Array.from({ length: CLIENTS }, async () => {
    const { status } = await get(web, '/');
    if (status === 503) unavailable++;
    return status;
  });
  while (held.length + unavailable < CLIENTS) await new Promise((resolve) => setTimeout(resolve, 20));
  t.ok(unavailable >= CLIENTS - 256, `${unavailable} answers with 503`);
  t.equal(await told('other', (value) => value >= unavailable), unavailable);
  for (const response of held) response.end();
  const statuses = await Promise.all(requests);
  t.equal(statuses.filter((status) => status === 200).length, held.length);
});
