import { fork } from 'node:child_process';
import { once } from 'node:events';
import http from 'node:http';
import t from 'tap';
import { freePorts } from '../fixtures/portico-process.ts';
import { HaproxyLab, noHaproxy } from '../fixtures/running-haproxy.ts';

/** The whole figure is 100 and 1,000: PORTICO_HAPROXY_RELOADS=100. */
const RELOADS = Number(process.env.PORTICO_HAPROXY_RELOADS ?? 6);
const WEIGHTS = RELOADS * 10;
const CLIENTS = 8;

t.test(
  `${RELOADS} reloads and ${WEIGHTS} changes of weight under load: no request fails`,
  { skip: noHaproxy },
  async (t) => {
    const ports: number[] = [];
    for (let i = 0; i < 3; i++) {
      const child = fork(new URL('../fixtures/id-server.js', import.meta.url));
      t.teardown(() => child.kill('SIGKILL'));
      const [port] = (await once(child, 'message')) as [number];
      ports.push(port);
    }
    const [listener] = await freePorts();
    const [one, two, three] = ports;
    const lab = await HaproxyLab.start(
      t,
      `
sources: [{ name: wide, addresses: [127.0.8.1-127.0.8.2], ports: 22000-23999 }]
listeners: [{ name: web, bind: "127.0.0.1:${listener}", engine: haproxy, routes: [{ backend: app }] }]
backends: [{ name: app, servers: [{ address: "127.0.0.1:${one}", weight: 100 }, { address: "127.0.0.1:${two}", weight: 100 }] }]
`,
    );
    const call = async (method: string, path: string, body?: unknown): Promise<void> => {
      const response = await fetch(`${lab.admin}/api/v1/backends/app/servers${path}`, {
        method,
        ...(body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
      });
      if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    };
    let isOver = false;
    let answered = 0;
    const failed: string[] = [];
    // Each request on a connection of its own half of the time: a listening socket that goes away shows only there.
    const agent = new http.Agent({ keepAlive: true });
    const request = (i: number): Promise<void> =>
      new Promise((resolve) => {
        http
          .get({ port: listener, host: '127.0.0.1', ...(i % 2 === 0 ? { agent } : { agent: false }) }, (response) => {
            response.resume();
            response.on('end', () => {
              if (response.statusCode === 200) answered++;
              else failed.push(String(response.statusCode));
              resolve();
            });
          })
          .on('error', (error: NodeJS.ErrnoException & { reused?: boolean }) => {
            failed.push(`${error.code} ${i % 2 === 0 ? 'kept' : 'new'}`);
            resolve();
          });
      });
    const load = Array.from({ length: CLIENTS }, async (_, i) => {
      while (!isOver) await request(i);
    });
    const extra = `127.0.0.1:${three}`;
    for (let i = 0; i < RELOADS; i++) {
      if (i % 2 === 0) await call('POST', '', { address: extra });
      else await call('DELETE', `/${encodeURIComponent(extra)}`);
      for (let k = 0; k < WEIGHTS / RELOADS; k++) {
        await call('PATCH', `/${encodeURIComponent(`127.0.0.1:${one}`)}`, { weight: 1 + ((i * 37 + k * 11) % 200) });
      }
      await lab.until('portico_source_drift_total', 'kind="haproxy-reloads"', (value) => value >= i + 1);
    }
    isOver = true;
    await Promise.all(load);
    agent.destroy();
    t.same(failed, []);
    t.ok(answered > RELOADS, `${answered} requests answered`);
    t.comment(`${RELOADS} reloads, ${WEIGHTS} changes of weight, ${answered} requests, ${failed.length} failed`);
  },
);
