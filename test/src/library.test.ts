import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import t from 'tap';
import { loadConfig, startPortico } from '../../src/index.ts';
import { writeConfig } from '../fixtures/portico-process.ts';

t.test('Portico runs inside another program', async (t) => {
  const server = http
    .createServer((request, response) => response.end(`${request.socket.remoteAddress} ${request.url}`))
    .listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const loaded = loadConfig(
    `
planes: 1
admin: { listen: "127.0.0.1:0" }
sources: [{ name: s, addresses: [127.0.1.7], ports: 25000-26000 }]
listeners: [{ name: web, bind: "127.0.0.1:0", backend: app }]
backends: [{ name: app, servers: [{ address: "127.0.0.1:${port}" }] }]
`,
    { file: 'inline', directory: '.', cpuCount: 1 },
  );
  if (!loaded.ok) return t.fail(JSON.stringify(loaded.faults));
  const events: string[] = [];
  const listenersBefore = process.listenerCount('SIGTERM');
  const portico = await startPortico({ config: loaded.config, onEvent: ({ type }) => events.push(type) });
  t.equal(process.listenerCount('SIGTERM'), listenersBefore, 'signals are the program’s own');
  const answer = await fetch(`http://127.0.0.1:${portico.ports.web}/x`);
  t.equal(await answer.text(), '127.0.1.7 /x');
  t.match(await (await fetch(`${portico.adminAddress}/readyz`)).json(), { status: 'ready' });
  t.ok(events.includes('plane-ready'));
  await portico.stop();
  await portico.stop();
  await t.rejects(fetch(`http://127.0.0.1:${portico.ports.web}/`));
  server.closeAllConnections();
  server.close();
});

t.test('a bad config is refused with its faults', async (t) => {
  const file = writeConfig('listeners: 5');
  await t.rejects(startPortico({ config: file }), { code: 'CONFIG', faults: [/^.*portico.yaml:1:1: /] });
  await t.rejects(startPortico({ config: '/nowhere.yaml' }), { code: 'CONFIG' });
});
