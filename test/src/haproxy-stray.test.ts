import { readFileSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { join } from 'node:path';
import t from 'tap';
import { systemClock } from '../../lb/clock.ts';
import { RuntimeSocket } from '../../lb/haproxy/runtime-socket.ts';
import { isRunning } from '../../src/process-facts.ts';
import { freePorts } from '../fixtures/portico-process.ts';
import { HaproxyLab, noHaproxy } from '../fixtures/running-haproxy.ts';
import { get } from '../fixtures/steady-load.ts';
import { kill } from '../fixtures/succession.ts';

t.test(
  'workers of before a reload, and an HAProxy that a killed Portico has left and no listener is for any more, finish what they have',
  { skip: noHaproxy },
  async (t) => {
    const held: (() => void)[] = [];
    let onHold = (): void => {};
    const server = http.createServer((request, response) => {
      if (request.url !== '/hold') return response.end('fine');
      held.push(() => response.end('at last'));
      onHold();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    t.teardown(() => server.close());
    const { port } = server.address() as { port: number };
    const [listener] = await freePorts();
    const lab = await HaproxyLab.start(
      t,
      `
sources: [{ name: wide, addresses: [127.0.9.8], ports: 26000-26999 }]
listeners: [{ name: web, bind: "127.0.0.1:${listener}", engine: haproxy, routes: [{ backend: app }] }]
backends: [{ name: app, servers: [{ address: "127.0.0.1:${port}" }] }]
`,
    );
    const hold = async (): Promise<Promise<{ readonly status: number; readonly body: string }>[]> => {
      const before = held.length;
      const areHeld = new Promise<void>((resolve) => {
        onHold = () => {
          if (held.length === before + 2) resolve();
        };
      });
      const waiting = [get(listener, '/hold'), get(listener, '/hold')];
      await areHeld;
      return waiting;
    };
    const change = (from: string, to: string): void =>
      writeFileSync(lab.file, readFileSync(lab.file, 'utf8').replace(from, to));
    const threads = async (): Promise<string | undefined> => {
      const socket = new RuntimeSocket(systemClock, join(lab.directory!, 'runtime.sock'));
      return /^Nbthread: (\d+)/m.exec(await socket.ask('show info'))?.[1];
    };

    t.equal(await threads(), '1');
    const two = await hold();
    change('planes: 1', 'planes: 2');
    lab.portico.child.kill('SIGHUP');
    await lab.until('portico_source_drift_total', 'kind="haproxy-reloads"', (value) => value >= 1);
    t.equal(await threads(), '2', 'as many threads as there are planes');
    await lab.until('portico_connections', 'listener="web"', (value) => value === 2);
    t.equal((await get(listener, '/')).body, 'fine');
    // The worker of before stays for the second one, and can be asked for what it has counted.
    held[0]!();
    t.equal(await lab.until('portico_requests_total', 'listener="web",backend="app"', (value) => value >= 2), 2);
    held[1]!();
    for (const { body } of await Promise.all(two)) t.equal(body, 'at last');
    await lab.until('portico_connections', 'listener="web"', (value) => value === 0);

    const others = await hold();
    const { planes } = await lab.get<{ planes: { id: string; pid: number }[] }>('/status');
    const master = planes.find(({ id }) => id === 'haproxy')!.pid;
    await kill(lab.portico);
    t.equal((await get(listener, '/')).body, 'fine', 'it goes on by itself');
    // The same address is another engine's now.
    change('engine: haproxy', 'engine: http');
    change('drain_timeout: 1s', 'drain_timeout: 60s');
    await lab.again({ isUp: false });
    t.equal(lab.directory, undefined, 'nothing of it is left');
    t.equal((await get(listener, '/')).body, 'fine');
    for (const answer of held.slice(2)) answer();
    for (const one of await Promise.all(others)) t.same(one, { status: 200, body: 'at last' });
    while (isRunning(master)) await new Promise((resolve) => setTimeout(resolve, 20));
    t.equal((await get(listener, '/')).body, 'fine');
  },
);
