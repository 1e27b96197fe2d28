import http from 'node:http';
import type { AddressInfo } from 'node:net';
import t from 'tap';
import { haproxyConfig } from '../../../lb/haproxy/haproxy-config.ts';
import { load, planOf } from '../../fixtures/haproxy.ts';
import { freePorts } from '../../fixtures/portico-process.ts';
import { noHaproxy, plainHaproxy } from '../../fixtures/running-haproxy.ts';

/** Ports of each source: lines of other sizes follow one another in another order. */
const SIZES = [1024, 1024, 960, 772];
const FIRST_PORT = 21_000;

for (const weights of [
  [1, 1],
  [3, 1],
]) {
  t.test(`beside a dead server, weights ${weights.join(' to ')}`, { skip: noHaproxy }, async (t) => {
    const server = http.createServer((_, response) => response.end('fine'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    t.teardown(() => server.close());
    const { port } = server.address() as AddressInfo;
    const [listener, dead] = await freePorts();
    const plan = planOf(
      load(`
sources: [{ name: wide, addresses: [127.0.7.1-127.0.7.${SIZES.length}], ports: 21000-22999 }]
listeners: [{ name: web, bind: "127.0.0.1:${listener}", engine: haproxy, routes: [{ backend: app }] }]
backends:
  - name: app
    balance: round-robin
    servers: [{ address: "127.0.0.1:${dead}", weight: ${weights[0]} }, { address: "127.0.0.1:${port}", weight: ${weights[1]} }]
`),
    );
    const runs = plan.runs.map((run, i) => ({ ...run, first: FIRST_PORT, last: FIRST_PORT + SIZES[i]! - 1 }));
    await plainHaproxy(t, haproxyConfig({ ...plan, runs }).text, listener);
    const answers = new Map<string, number>();
    for (let i = 0; i < 300; i++) {
      const text = await (await fetch(`http://127.0.0.1:${listener}/`)).text();
      answers.set(text, (answers.get(text) ?? 0) + 1);
    }
    t.strictSame([...answers], [['fine', 300]]);
  });
}

t.test('servers of one line each get the tries that are asked for', (t) => {
  const triesOf = (backend: string, options = {}): string | undefined =>
    /^ {2}retries .*$/m.exec(
      haproxyConfig(
        planOf(
          load(`
sources: [{ name: narrow, addresses: [127.0.7.9] }, { name: wide, addresses: [127.0.7.1-127.0.7.4], ports: 21000-22999 }]
listeners: [{ name: web, bind: ":80", engine: haproxy, routes: [{ backend: app }] }]
backends: [{ name: app, ${backend}, servers: [{ address: 10.0.1.5:9001 }, { address: 10.0.1.6:9001 }] }]
`),
        ),
        options,
      ).text,
    )?.[0];
  t.equal(triesOf('balance: round-robin, source: narrow'), '  retries 2');
  t.equal(
    triesOf('balance: round-robin, source: narrow', { socket: '/run/s' }),
    '  retries 6',
    'lines may come at run time',
  );
  t.equal(triesOf('balance: round-robin, source: wide'), '  retries 6');
  t.equal(triesOf('balance: round-robin, source: wide, retries: 0'), '  retries 0');
  t.equal(triesOf('balance: least-connections, source: wide'), '  retries 2');
  t.end();
});
