import { readFileSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import t from 'tap';
import { freePorts } from '../fixtures/portico-process.ts';
import { HaproxyLab, noHaproxy } from '../fixtures/running-haproxy.ts';
import { get } from '../fixtures/steady-load.ts';
import { isRunning, kill } from '../fixtures/succession.ts';

t.test(
  'an HAProxy that a killed Portico has left ends where the next config has no listener for it',
  { skip: noHaproxy },
  async (t) => {
    const held: http.ServerResponse[] = [];
    let onHold = (): void => {};
    const server = http.createServer((request, response) => {
      if (request.url !== '/hold') return response.end('fine');
      held.push(response);
      onHold();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    t.teardown(() => server.close());
    const { port } = server.address() as { port: number };
    const [listener] = await freePorts();
    const first = await HaproxyLab.start(
      t,
      `
sources: [{ name: wide, addresses: [127.0.9.8], ports: 26000-26999 }]
listeners: [{ name: web, bind: "127.0.0.1:${listener}", engine: haproxy, routes: [{ backend: app }] }]
backends: [{ name: app, servers: [{ address: "127.0.0.1:${port}" }] }]
`,
    );
    const isHeld = new Promise<void>((resolve) => {
      onHold = resolve;
    });
    const waiting = get(listener, '/hold');
    await isHeld;
    const { planes } = await first.get<{ planes: { id: string; pid: number }[] }>('/status');
    const master = planes.find(({ id }) => id === 'haproxy')!.pid;
    await kill(first.portico);
    t.equal((await get(listener, '/')).body, 'fine', 'it goes on by itself');

    // The same address is another engine's now.
    writeFileSync(first.file, readFileSync(first.file, 'utf8').replace('engine: haproxy', 'engine: http'));
    await first.again({ isUp: false });
    t.equal(first.directory, undefined, 'nothing of it is left');
    t.equal((await get(listener, '/')).body, 'fine');
    held[0]!.end('at last');
    t.same(await waiting, { status: 200, body: 'at last' }, 'requests under way are finished');
    while (isRunning(master)) await new Promise((resolve) => setTimeout(resolve, 20));
    t.equal((await get(listener, '/')).body, 'fine');
  },
);
