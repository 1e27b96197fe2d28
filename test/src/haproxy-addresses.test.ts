import http from 'node:http';
import t from 'tap';
import { freePorts } from '../fixtures/portico-process.ts';
import { HaproxyLab, noHaproxy } from '../fixtures/running-haproxy.ts';
import { get, SteadyLoad } from '../fixtures/steady-load.ts';

t.test(
  'HAProxy connects from addresses that come, and from those that leave no more',
  { skip: noHaproxy },
  async (t) => {
    let onHold = (_from: string, _answer: () => void): void => {};
    const server = http.createServer((request, response) => {
      const from = request.socket.remoteAddress!;
      if (request.url === '/hold') onHold(from, () => response.end(from));
      else response.end(from);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    t.teardown(() => server.close());
    const { port } = server.address() as { port: number };
    const [listener] = await freePorts();
    // The checks' ports are of an address that may leave: they are given others by a reload.
    const lab = await HaproxyLab.start(
      t,
      `
sources: [{ name: wide, addresses: [127.0.9.1-127.0.9.2], ports: 24000-24999 }]
listeners: [{ name: web, bind: "127.0.0.1:${listener}", engine: haproxy, routes: [{ backend: app }] }]
backends: [{ name: app, health: { path: /, interval: 200ms }, servers: [{ address: "127.0.0.1:${port}" }] }]
`,
    );
    const sources = async (): Promise<Map<string, string>> => {
      const { sources } = await lab.get<{ sources: { address: string; state: string }[] }>('/sources');
      return new Map(sources.map(({ address, state }) => [address, state]));
    };
    const change = (method: string, path: string, body?: string): Promise<Response> =>
      fetch(`${lab.admin}/api/v1/sources/wide/addresses${path}`, {
        method,
        ...(body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body }),
      });
    const load = new SteadyLoad(listener, { clients: 4 });
    await load.answered('127.0.9.1');
    await load.answered('127.0.9.2');

    t.equal((await change('POST', '', '{"address":"127.0.9.3"}')).status, 201);
    await load.answered('127.0.9.3');

    for (const _ of ['one', 'and the next']) {
      const held = new Promise<{ from: string; answer: () => void }>((resolve) => {
        onHold = (from, answer) => resolve({ from, answer });
      });
      const waiting = get(listener, '/hold');
      const { from, answer } = await held;
      t.equal((await change('DELETE', `/${from}`)).status, 202);
      const stays = [...(await sources())].find(([, state]) => state === 'ready')![0];
      for (let before = -1; before !== load.answers.get(from); ) {
        before = load.answers.get(from)!;
        for (let i = 0; i < 20; i++) await load.answered(stays);
      }
      t.equal((await sources()).get(from), 'draining', 'a request is under way from there');
      answer();
      t.same(await waiting, { status: 200, body: from });
      while ((await sources()).has(from)) await new Promise((resolve) => setTimeout(resolve, 50));
    }
    await load.stop();
    t.same(load.failures, []);
    t.equal((await sources()).size, 1);
    t.equal(await lab.until('portico_server_up', 'backend="app"', () => true), 1);
  },
);
