import { once } from 'node:events';
import http from 'node:http';
import t from 'tap';
import { isRunning } from '../../src/process-facts.ts';
import { KeptLoad } from '../fixtures/kept-load.ts';
import { freePorts } from '../fixtures/portico-process.ts';
import { HaproxyLab, noHaproxy } from '../fixtures/running-haproxy.ts';
import { kill } from '../fixtures/succession.ts';

const ask = async (port: number): Promise<string> => (await fetch(`http://127.0.0.1:${port}/`)).text();

t.test(
  'HAProxy outlives a crash of Portico, and the next one takes it over, after an upgrade as well',
  { skip: noHaproxy },
  async (t) => {
    const server = http.createServer((_, response) => response.end('one'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    t.teardown(() => server.close());
    const { port: one } = server.address() as { port: number };
    const [listener] = await freePorts();
    const first = await HaproxyLab.start(
      t,
      `
sources: [{ name: wide, addresses: [127.0.27.1-127.0.27.2], ports: 21000-21999 }]
listeners: [{ name: web, bind: "127.0.0.1:${listener}", engine: haproxy, routes: [{ backend: app }] }]
backends: [{ name: app, servers: [{ address: "127.0.0.1:${one}" }] }]
`,
    );
    t.equal(await ask(listener), 'one');
    const { planes } = await first.get<{ planes: { id: string; pid: number }[] }>('/status');
    const master = planes.find(({ id }) => id === 'haproxy')!.pid;
    await kill(first.portico);
    t.equal(await ask(listener), 'one');
    const second = await first.again();
    const status = await second.get<{ planes: { id: string; pid: number; ready: boolean }[] }>('/status');
    t.match(
      status.planes.find(({ id }) => id === 'haproxy'),
      { pid: master, ready: true },
    );
    t.equal(await ask(listener), 'one');

    // An upgrade: HAProxy stays, and no request notices.
    const load = new KeptLoad(listener, 4);
    await load.some(50);
    const replaced = once(second.portico.child, 'exit');
    second.portico.child.kill('SIGUSR2');
    await replaced;
    await load.some(50);
    await load.stop();
    t.same(load.failures, []);
    const third = await second.get<{ pid: number; planes: { id: string; pid: number }[] }>('/status');
    t.equal(third.planes.find(({ id }) => id === 'haproxy')!.pid, master);
    t.notMatch(second.portico.stderr, 'haproxy died');

    process.kill(third.pid, 'SIGTERM');
    while (isRunning(third.pid)) await new Promise((resolve) => setTimeout(resolve, 50));
    t.notOk(isRunning(master), 'the next one ends it as the first would have');
    t.equal(second.directory, undefined);
  },
);
