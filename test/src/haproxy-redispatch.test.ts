import http from 'node:http';
import type { AddressInfo } from 'node:net';
import t from 'tap';
import { freePorts } from '../fixtures/portico-process.ts';
import { HaproxyLab, noHaproxy } from '../fixtures/running-haproxy.ts';

const SOURCES = 4;

t.test('the line after one whose server is gone leads to another server', { skip: noHaproxy }, async (t) => {
  const server = http.createServer((_, response) => response.end('fine'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  const { port } = server.address() as AddressInfo;
  const [listener, dead] = await freePorts();
  await HaproxyLab.start(
    t,
    `
sources: [{ name: wide, addresses: [127.0.7.1-127.0.7.${SOURCES}], ports: 21000-21999 }]
listeners: [{ name: web, bind: "127.0.0.1:${listener}", engine: haproxy, routes: [{ backend: app }] }]
backends:
  - { name: app, balance: round-robin, servers: [{ address: "127.0.0.1:${dead}" }, { address: "127.0.0.1:${port}" }] }
`,
  );
  for (let i = 0; i < 10 * SOURCES; i++) {
    const response = await fetch(`http://127.0.0.1:${listener}/`);
    t.equal(await response.text(), 'fine');
  }
});
