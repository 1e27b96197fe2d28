import { readFileSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { join } from 'node:path';
import t from 'tap';
import { systemClock } from '../../lb/clock.ts';
import { RuntimeSocket } from '../../lb/haproxy/runtime-socket.ts';
import { freePorts } from '../fixtures/portico-process.ts';
import { HaproxyLab, noHaproxy } from '../fixtures/running-haproxy.ts';
import { get } from '../fixtures/steady-load.ts';

t.test(
  'what a worker of before a reload finishes is counted, and the new one has as many threads as there are planes',
  { skip: noHaproxy },
  async (t) => {
    let onHold = (_answer: () => void): void => {};
    const server = http.createServer((request, response) => {
      if (request.url === '/hold') onHold(() => response.end('at last'));
      else response.end('fine');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    t.teardown(() => server.close());
    const { port } = server.address() as { port: number };
    const [listener] = await freePorts();
    const lab = await HaproxyLab.start(
      t,
      `
sources: [{ name: wide, addresses: [127.0.9.9], ports: 27000-27999 }]
listeners: [{ name: web, bind: "127.0.0.1:${listener}", engine: haproxy, routes: [{ backend: app }] }]
backends: [{ name: app, servers: [{ address: "127.0.0.1:${port}" }] }]
`,
    );
    const threads = async (): Promise<string | undefined> => {
      const socket = new RuntimeSocket(systemClock, join(lab.directory!, 'runtime.sock'));
      return /^Nbthread: (\d+)/m.exec(await socket.ask('show info'))?.[1];
    };
    t.equal(await threads(), '1');
    const held: (() => void)[] = [];
    const areHeld = new Promise<void>((resolve) => {
      onHold = (answer) => {
        if (held.push(answer) === 2) resolve();
      };
    });
    const waiting = [get(listener, '/hold'), get(listener, '/hold')];
    await areHeld;

    writeFileSync(lab.file, readFileSync(lab.file, 'utf8').replace('planes: 1', 'planes: 2'));
    lab.portico.child.kill('SIGHUP');
    await lab.until('portico_source_drift_total', 'kind="haproxy-reloads"', (value) => value >= 1);
    t.equal(await threads(), '2');
    await lab.until('portico_connections', 'listener="web"', (value) => value === 2);
    t.equal((await get(listener, '/')).body, 'fine');

    // The worker stays for the second one, and can be asked for what it has counted.
    held[0]!();
    t.equal((await waiting[0])!.body, 'at last');
    t.equal(await lab.until('portico_requests_total', 'listener="web",backend="app"', (value) => value >= 2), 2);
    held[1]!();
    t.equal((await waiting[1])!.body, 'at last');
    await lab.until('portico_connections', 'listener="web"', (value) => value === 0);
  },
);
