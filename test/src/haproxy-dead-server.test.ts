import http from 'node:http';
import type { AddressInfo } from 'node:net';
import t from 'tap';
import { freePorts } from '../fixtures/portico-process.ts';
import { HaproxyLab, noHaproxy } from '../fixtures/running-haproxy.ts';
import { get } from '../fixtures/steady-load.ts';

const SOURCES = 4;
const HELD = 2 * SOURCES;

for (const balance of ['least-connections', 'random-two', 'round-robin', 'hash']) {
  t.test(`a dead server of four lines, not checked, with ${balance}`, { skip: noHaproxy }, async (t) => {
    const held: http.ServerResponse[] = [];
    const answer = (request: http.IncomingMessage, response: http.ServerResponse): void => {
      if (request.url === '/hold') held.push(response);
      else response.end('fine');
    };
    const server = http.createServer(answer);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    t.teardown(() => server.close());
    const { port } = server.address() as AddressInfo;
    const [listener, other] = await freePorts();
    await HaproxyLab.start(
      t,
      `
sources: [{ name: wide, addresses: [127.0.7.1-127.0.7.${SOURCES}], ports: 21000-21999 }]
listeners: [{ name: web, bind: "127.0.0.1:${listener}", engine: haproxy, routes: [{ backend: app }] }]
backends:
  - { name: app, balance: ${balance}, servers: [{ address: "127.0.0.1:${other}" }, { address: "127.0.0.1:${port}" }] }
`,
    );
    const ask = async (): Promise<boolean> => (await get(listener, '/').catch(() => undefined))?.status === 200;
    // Every line of the living server has a request, so that those of the dead one are the idlest.
    const holding = Array.from({ length: HELD }, async () => {
      while ((await get(listener, '/hold')).status !== 200) await new Promise((resolve) => setTimeout(resolve, 20));
    });
    while (held.length < HELD) await new Promise((resolve) => setTimeout(resolve, 20));
    for (let inRow = 0; inRow < 100; ) inRow = (await ask()) ? inRow + 1 : 0;

    const second = http.createServer((_, response) => response.end('second'));
    await new Promise<void>((resolve) => second.listen(other, '127.0.0.1', resolve));
    t.teardown(() => second.close());
    if (balance !== 'hash') while ((await get(listener, '/')).body !== 'second');
    for (let i = 0; i < 50; i++) t.ok(await ask());
    for (const response of held) response.end('fine');
    await Promise.all(holding);
  });
}
