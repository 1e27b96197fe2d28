import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { freePorts } from '../fixtures/portico-process.ts';
import { HaproxyLab, noHaproxy } from '../fixtures/running-haproxy.ts';

interface Tap {
  teardown(run: () => unknown): void;
}

async function server(tap: Tap, name: string): Promise<number> {
  const it = http.createServer((_, response) => response.end(name));
  await new Promise<void>((resolve) => it.listen(0, '127.0.0.1', resolve));
  tap.teardown(() => it.close());
  return (it.address() as { port: number }).port;
}

const text = (listener: number, servers: readonly number[], more = ''): string => `
sources: [{ name: wide, addresses: [127.0.7.1-127.0.7.2], ports: 21000-21999 }]
listeners:
  - name: web
    bind: "127.0.0.1:${listener}"
    engine: haproxy
    routes: [{ path: /old/, rewrite: { prefix: /new/ }, backend: app }, { path: /gone, answer: { status: 410, body: gone } }, { host: "*.example", backend: app }, { backend: app }]
${more}backends:
  - { name: app, health: { path: /, interval: 100ms }, servers: [${servers.map((port) => `{ address: "127.0.0.1:${port}" }`).join(', ')}] }
  - { name: other, servers: [{ address: "127.0.0.1:${servers[0]}" }] }
`;
const beside = (port: number): string =>
  `  - { name: side, bind: "127.0.0.1:${port}", routes: [{ backend: other }] }\n`;

const ask = async (port: number, path = '/'): Promise<string> =>
  (await fetch(`http://127.0.0.1:${port}${path}`)).text();

/** Until a request is answered as it should be. */
async function answers(port: number, wanted: string, path = '/'): Promise<void> {
  for (;;) {
    const answer = await ask(port, path).catch(() => '');
    if (answer === wanted) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

t.test('requests, routes, servers that drain and come, and a worker that is killed', { skip: noHaproxy }, async (t) => {
  const [one, two] = [await server(t, 'one'), await server(t, 'two')];
  const [listener, side] = await freePorts();
  const lab = await HaproxyLab.start(t, text(listener, [one, two], beside(side)));
  await answers(listener, 'one');
  await answers(listener, 'two');
  t.equal(await ask(listener, '/gone'), 'gone');
  t.equal((await fetch(`http://127.0.0.1:${listener}/gone`)).status, 410);
  t.equal(await ask(side), 'one', 'a listener of another engine beside it');

  const patch = (id: string, body: unknown): Promise<Response> =>
    fetch(`${lab.admin}/api/v1/backends/app/servers/${encodeURIComponent(id)}`, {
      method: 'PATCH',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  t.equal((await patch(`127.0.0.1:${one}`, { state: 'drain' })).status, 200);
  for (let row = 0; row < 10; ) row = (await ask(listener)) === 'two' ? row + 1 : 0;
  t.equal((await patch(`127.0.0.1:${one}`, { state: 'ready' })).status, 200);
  await answers(listener, 'one');

  const three = await server(t, 'three');
  const added = await fetch(`${lab.admin}/api/v1/backends/app/servers`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ address: `127.0.0.1:${three}` }),
  });
  t.ok(added.ok);
  await answers(listener, 'three');
  t.ok((await lab.until('portico_requests_total', 'listener="web",backend="app"', (value) => value > 10)) > 10);

  // The latest: those before it finish what they have, and nobody misses them.
  process.kill(Math.max(...(await lab.workers())), 'SIGKILL');
  await lab.portico.until(/haproxy died/);
  t.equal(await ask(side), 'one', 'the other listener goes on');
  await lab.portico.until(/haproxy accepts connections[\s\S]*haproxy accepts connections/);
  await answers(listener, 'three');
});

t.test('what keeps HAProxy from running is said, and other listeners go on', { skip: noHaproxy }, async (t) => {
  const one = await server(t, 'one');
  const directory = mkdtempSync(join(tmpdir(), 'portico-haproxy-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  const script = (name: string, body: string, mode = 0o755): string => {
    const file = join(directory, name);
    writeFileSync(file, `#!/bin/sh\n${body}\n`);
    chmodSync(file, mode);
    return file;
  };
  const cases: readonly (readonly [string, string, RegExp])[] = [
    ['absent', join(directory, 'nowhere'), /HAProxy is not installed: there is no .*nowhere; install it/],
    [
      'too old',
      script('old', 'echo "HA-Proxy version 2.2.9-2+deb11u6 2023/12/16"'),
      /HAProxy 2\.2 \(.*\) is too old, 2\.6 or newer is needed: install it from/,
    ],
    ['not allowed', script('forbidden', 'exit 0', 0o644), /forbidden may not be run/],
    [
      'refuses',
      script(
        'strict',
        'case "$1" in -v) echo "HAProxy version 2.6.12";; *) echo "[ALERT]    (7) : config : no such keyword" >&2; exit 1;; esac',
      ),
      /HAProxy refuses its configuration: no such keyword/,
    ],
    [
      'cannot start',
      script(
        'dying',
        'case "$1" in -v) echo "HAProxy version 2.6.12";; -c) exit 0;; *) echo "[ALERT]    (7) : cannot bind socket (Permission denied)" >&2; exit 1;; esac',
      ),
      /cannot bind socket \(Permission denied\)[\s\S]*haproxy died \(exit status 1\)/,
    ],
  ];
  const look = async ([name, command, expected]: (typeof cases)[number]): Promise<void> => {
    const [listener, side] = await freePorts();
    const lab = await HaproxyLab.start(t, text(listener, [one], beside(side)), {
      env: { PORTICO_HAPROXY: command },
      isUp: false,
    });
    await lab.portico.until(expected);
    t.equal(await ask(side), 'one', name);
  };
  await Promise.all(cases.map(look));
});
