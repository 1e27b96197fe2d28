import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { freePorts } from '../fixtures/portico-process.ts';
import { HaproxyLab, noHaproxy } from '../fixtures/running-haproxy.ts';
import { get } from '../fixtures/steady-load.ts';

/** `nobody` of every Linux: root may do all that is to be refused here. */
const NOBODY = 65_534;
/** Below it ports are root's. */
const LOWEST_PORT = Number(readFileSync('/proc/sys/net/ipv4/ip_unprivileged_port_start', 'utf8'));
const uid = process.getuid!() === 0 ? NOBODY : undefined;

t.test(
  'what HAProxy may not do as another user than root is said, and other listeners go on',
  { skip: noHaproxy },
  async (t) => {
    const server = http.createServer((_, response) => response.end('fine'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    t.teardown(() => server.close());
    const { port } = server.address() as { port: number };
    const directory = mkdtempSync(join(tmpdir(), 'portico-haproxy-'));
    t.teardown(() => rmSync(directory, { recursive: true }));
    chmodSync(directory, 0o755);
    const script = (name: string, body: string): string => {
      const file = join(directory, name);
      writeFileSync(file, `#!/bin/sh\n${body}\n`);
      chmodSync(file, 0o755);
      return file;
    };
    // HAProxy makes a socket that its own user may not write to.
    const closed = script(
      'closed',
      `case "$1" in -W) for cfg; do :; done; sed -i 's/ mode 600 / mode 400 /' "$cfg";; esac; exec haproxy "$@"`,
    );

    const cases: readonly (readonly [string, RegExp, { readonly command?: string; readonly bind?: string }])[] = [
      ['a port of root', /cannot bind socket \(Permission denied\)/, { bind: '127.0.0.1:1' }],
      [
        "HAProxy's socket",
        /permission denied at HAProxy's socket .*runtime\.sock; .*run Portico as the same/,
        { command: closed },
      ],
    ];
    const look = async ([name, expected, { command = 'haproxy', bind }]: (typeof cases)[number]): Promise<void> => {
      const [listener, side] = await freePorts();
      const lab = await HaproxyLab.start(
        t,
        `
sources: [{ name: wide, addresses: [127.0.9.11], ports: 27000-27999 }]
listeners:
  - { name: web, bind: "${bind ?? `127.0.0.1:${listener}`}", engine: haproxy, routes: [{ backend: app }] }
  - { name: side, bind: "127.0.0.1:${side}", routes: [{ backend: other }] }
backends:
  - { name: app, servers: [{ address: "127.0.0.1:${port}" }] }
  - { name: other, servers: [{ address: "127.0.0.1:${port}" }] }
`,
        { env: { PORTICO_HAPROXY: command }, isUp: false, uid },
      );
      await lab.portico.until(expected);
      t.equal((await get(side, '/')).body, 'fine', name);
    };
    // Where a container lets everybody have every port there is nothing to be refused.
    await Promise.all(cases.filter((each) => each[2].bind === undefined || LOWEST_PORT > 1).map(look));
  },
);
