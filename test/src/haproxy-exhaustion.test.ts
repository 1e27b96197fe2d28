import t from 'tap';
import { freePorts } from '../fixtures/portico-process.ts';
import { clients, echoServer, HaproxyLab, noHaproxy, plainHaproxy } from '../fixtures/running-haproxy.ts';

const SOURCES = 3;
const PORTS = 1000;

t.test('three sources of 1,000 ports hold 3,000 connections through HAProxy', { skip: noHaproxy }, async (t) => {
  const server = await echoServer(t);
  const [listener, plain] = await freePorts();
  const lab = await HaproxyLab.start(
    t,
    `
sources: [{ name: wide, addresses: [127.0.7.1-127.0.7.3], ports: 20000-20999, exhaustion: { timeout: 500ms } }]
listeners: [{ name: raw, bind: "127.0.0.1:${listener}", engine: haproxy, backend: app }]
backends: [{ name: app, retries: 1, health: { interval: 200ms, fall: 2 }, servers: [{ address: "127.0.0.1:${server}" }] }]
`,
  );
  const held = await clients(t);
  let open = 0;
  while (open < SOURCES * PORTS) {
    const batch = open < 2500 ? 500 : 50;
    const more = await held.open('127.0.0.1', listener, batch, 16);
    if (more.open === open) break;
    open = more.open;
    // Ports that the planes had at first are on their way.
    await lab.until('portico_source_ports', 'state="used"', (value) => value >= open);
  }
  t.ok(open >= 2990, `${open} of ${SOURCES * PORTS} open`);
  t.comment(`Portico with HAProxy: ${open} of ${SOURCES * PORTS}`);
  const beyond = await held.open('127.0.0.1', listener, 50, 50);
  t.ok(beyond.open >= open, 'those that are open stay');
  const { alive } = await held.ask({ type: 'check' });
  t.equal(alive, beyond.open);
  const [backend] = await lab
    .get<{ servers: { healthy: boolean }[] }[]>('/backends')
    .then((answer) =>
      Array.isArray(answer) ? answer : (answer as { backends: { servers: { healthy: boolean }[] }[] }).backends,
    );
  t.ok(
    backend!.servers.every(({ healthy }) => healthy),
    'no server is down for lack of ports',
  );
  const { ports } = await lab.get<{ ports: { source: string; used: number }[] }>('/ports');
  t.equal(
    ports.reduce((sum, { used }) => sum + used, 0),
    beyond.open,
    'the port map has every one of them, from the kernel’s own sockets',
  );
  await held.ask({ type: 'close', count: 100_000 });
  await lab.until('portico_source_ports', 'state="used"', (value) => value === 0);

  await plainHaproxy(
    t,
    `
defaults
  mode tcp
  timeout connect 5s
  timeout client 1h
  timeout server 1h
  retries 1
frontend raw
  bind 127.0.0.1:${plain}
  default_backend app
backend app
  server s1 127.0.0.1:${server} source 127.0.7.9:20000-20999
`,
    plain,
  );
  const few = await held.open('127.0.0.1', plain, 1100, 16);
  t.ok(few.open <= PORTS, `plain HAProxy with one "source" line: ${few.open}`);
  t.comment(`plain HAProxy with one source line: ${few.open} of ${SOURCES * PORTS}`);
  await held.ask({ type: 'close', count: 100_000 });
});
