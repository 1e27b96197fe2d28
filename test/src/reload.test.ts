import { once } from 'node:events';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import t, { type Test } from 'tap';
import { WebSocket, WebSocketServer } from 'ws';
import { DnsServer } from '../fixtures/dns-server.ts';
import { freePorts, PorticoProcess, writeConfig } from '../fixtures/portico-process.ts';
import { get, SteadyLoad } from '../fixtures/steady-load.ts';

/** For listeners that come and go: no client connects from it, and so takes a port of it meanwhile. */
const OTHER = '127.0.0.2';

interface Status {
  readonly planes: readonly { readonly id: string; readonly pid: number; readonly ready: boolean }[];
  readonly listeners: readonly { readonly name: string }[];
  readonly ports: readonly { readonly used: number }[];
}

/** A server that answers with its name, and echoes WebSocket messages. */
async function startServer(t: Test, name: string, host = '127.0.0.1', port = 0): Promise<number> {
  const server = http.createServer((_request, response) => response.end(name));
  const sockets = new WebSocketServer({ server });
  sockets.on('connection', (socket) => socket.on('message', (data) => socket.send(`${name} ${data}`)));
  server.listen(port, host);
  await once(server, 'listening');
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as net.AddressInfo).port;
}

/** Portico by a config that tests change. `text` is given the ports of the listener, of another one, and of the admin server. */
async function setUp(t: Test, text: (ports: { web: number; more: number; admin: number }) => string) {
  const [web, admin] = await freePorts();
  const [more] = await freePorts();
  const ports = { web, more, admin };
  const file = writeConfig(text(ports));
  const portico = new PorticoProcess(['run', '-c', file]);
  t.teardown(() => portico.child.kill('SIGKILL'));
  await portico.until(/Portico is running\./);
  let from = 0;
  const status = async (): Promise<Status> => JSON.parse((await get(admin, '/api/v1/status')).body) as Status;
  return {
    ...ports,
    file,
    portico,
    status,
    write: (changed: string): void => {
      // Whole at once: a reload may be reading it.
      writeFileSync(`${file}.new`, changed);
      renameSync(`${file}.new`, file);
    },
    /** Reloads, and resolves with what was said of it. */
    reload: async (): Promise<string> => {
      portico.child.kill('SIGHUP');
      const said = /the config (was|is) [^\n]*/g;
      for (;;) {
        said.lastIndex = from;
        const match = said.exec(portico.stderr);
        if (match !== null) {
          from = said.lastIndex;
          return match[0];
        }
        await once(portico.child.stderr!, 'data');
      }
    },
    allPortsBack: async (): Promise<void> => {
      while ((await status()).ports.some(({ used }) => used > 0))
        await new Promise((resolve) => setTimeout(resolve, 20));
    },
  };
}

t.test(
  'routes, backends, listeners and what names stand for change under load: no request fails, no WebSocket is lost',
  async (t) => {
    const dns = await DnsServer.start(t);
    const [one, two] = [await startServer(t, 'one'), await startServer(t, 'two')];
    const config = (
      ports: { web: number; more: number; admin: number },
      to: 'one' | 'two',
      hasMore: boolean,
    ): string => `
planes: 2
drain_timeout: 2s
admin: { listen: "127.0.0.1:${ports.admin}" }
listeners:
  - { name: web, bind: "127.0.0.1:${ports.web}", routes: [{ path: /fixed, answer: { status: 200, body: ${to} } }, { path: /nowhere, backend: nowhere }, { backend: ${to} }] }
${hasMore ? `  - { name: more, bind: "${OTHER}:${ports.more}", backend: two }` : ''}
resolver: { nameservers: ["${dns.address}"], max_ttl: 1s, timeout: 500ms }
backends:
  - { name: nowhere, servers: [{ address: "nowhere.internal:80" }] }
  - { name: ${to}, health: { path: /, interval: 1s }, servers: [{ address: "127.0.0.1:${to === 'one' ? one : two}" }] }
${hasMore && to === 'one' ? `  - { name: two, servers: [{ address: "127.0.0.1:${two}" }] }` : ''}
`;
    const portico = await setUp(t, (ports) => config(ports, 'one', false));
    const load = new SteadyLoad(portico.web, { clients: 8 });
    await load.answered('one');
    const socket = new WebSocket(`ws://127.0.0.1:${portico.web}/`);
    await once(socket, 'open');
    for (let i = 0; i < 60; i++) {
      const to = i % 2 === 0 ? 'two' : 'one';
      portico.write(config(portico, to, i % 3 === 0));
      t.match(await portico.reload(), /the config was changed/);
      await load.answered(to);
      if (i % 3 === 0) t.match(await get(portico.more, '/', false, OTHER), { status: 200, body: 'two' });
      else await t.rejects(get(portico.more, '/', false, OTHER), { code: 'ECONNREFUSED' });
      t.equal((await get(portico.web, '/fixed')).body, to);
    }

    t.equal((await get(portico.web, '/nowhere')).status, 503, 'it has started with a name that is none');
    t.match(await get(portico.admin, '/readyz'), {
      status: 503,
      body: /backend nowhere has no healthy server: DNS has no address for nowhere\.internal/,
    });
    const port = await startServer(t, 'three', '127.0.0.11');
    await startServer(t, 'four', '127.0.0.12', port);
    dns.set('app.internal A', { addresses: ['127.0.0.11'], ttl: 0 });
    portico.write(config(portico, 'one', false).replace(`127.0.0.1:${one}`, `App.Internal:${port}`));
    t.match(await portico.reload(), /the config was changed/);
    await load.answered('three');
    dns.set('app.internal A', { addresses: ['127.0.0.12'], ttl: 0 });
    await load.answered('four');
    await portico.portico.until(/name app\.internal has come to 127\.0\.0\.12 and has left 127\.0\.0\.11/);
    dns.set('app.internal A', 'servfail');
    await portico.portico.until(/name app\.internal cannot be looked up .*; its last address is kept/);
    await load.answered('four');
    t.match((await get(portico.admin, '/metrics')).body, /portico_dns_failing\{name="app\.internal"\} 1/);
    t.match(JSON.parse((await get(portico.admin, '/api/v1/backends')).body), {
      backends: [{ name: 'nowhere', servers: [] }, { servers: [{ id: `127.0.0.12:${port}`, name: 'app.internal' }] }],
    });

    socket.send('still here');
    t.equal(String((await once(socket, 'message'))[0]), 'one still here', 'its backend is long gone from the config');
    await load.stop();
    t.same(load.failures, []);
    socket.terminate();
    await portico.allPortsBack();
    portico.portico.child.kill('SIGTERM');
    t.equal(await portico.portico.ended(), 0);
  },
);

t.test('a config that cannot be changes nothing, and says why', async (t) => {
  const one = await startServer(t, 'one');
  const text = (ports: { web: number; admin: number }): string => `
planes: 2
drain_timeout: 2s
admin: { listen: "127.0.0.1:${ports.admin}" }
listeners:
  - { name: web, bind: "127.0.0.1:${ports.web}", backend: app }
backends:
  - { name: app, servers: [{ address: "127.0.0.1:${one}" }] }
`;
  const portico = await setUp(t, text);
  const before = await portico.status();
  const squatter = net.createServer().listen(portico.more, OTHER);
  await once(squatter, 'listening');
  const refused = async (changed: string, why: RegExp): Promise<void> => {
    portico.write(changed);
    t.match(await portico.reload(), why);
    t.equal((await get(portico.web, '/')).body, 'one');
    t.strictSame(
      (await portico.status()).listeners.map(({ name }) => name),
      ['web'],
    );
  };
  const good = text(portico);
  const more = `  - { name: more, bind: "${OTHER}:${portico.more}", backend: app }\nbackends:`;
  await refused(
    good.replace('name: web', 'nam: web'),
    /not changed: .*portico.yaml:\d+:\d+: listeners\[0\] has no "name"/,
  );
  await refused(good.replace('backends:', more), /not changed: port \d+ is in use by another program/);
  await refused(
    good.replace('listeners:', 'sources: [{ name: default, addresses: [127.0.1.1, 192.0.2.77] }]\nlisteners:'),
    /not changed: 192\.0\.2\.77 of pool "default" cannot be used: it is not on this host/,
  );
  await refused(
    good.replace(`127.0.0.1:${portico.web}`, `0.0.0.0:${portico.web}`),
    /not changed: port \d+ is held by listener "web"/,
  );
  squatter.close();
  await once(squatter, 'close');
  portico.write(good.replace('backends:', more));
  t.match(await portico.reload(), /was changed/, 'with the port free it can');
  t.equal((await get(portico.more, '/', false, OTHER)).body, 'one');
  t.strictSame(
    (await portico.status()).planes.map(({ pid }) => pid),
    before.planes.map(({ pid }) => pid),
  );
});

t.test('reloads race each other, a plane dies in the middle: the last config is in force everywhere', async (t) => {
  const text = (ports: { web: number; admin: number }, body: string, planes = 2): string => `
planes: ${planes}
drain_timeout: 2s
admin: { listen: "127.0.0.1:${ports.admin}" }
listeners:
  - { name: web, bind: "127.0.0.1:${ports.web}", routes: [{ answer: { status: 200, body: "${body}" } }] }
backends:
  - { name: app, servers: [{ address: "127.0.0.1:1" }] }
`;
  const portico = await setUp(t, (ports) => text(ports, 'body 0'));
  const put = async (body: string): Promise<number> => {
    const request = http.request({
      port: portico.admin,
      method: 'PUT',
      path: '/api/v1/config?keep=false',
      headers: { 'content-type': 'application/json', 'if-match': '*' },
      agent: false,
    });
    request.end(JSON.stringify({ text: text(portico, body) }));
    const [response] = (await once(request, 'response')) as [http.IncomingMessage];
    response.resume();
    await once(response, 'end');
    return response.statusCode!;
  };
  for (let round = 0; round < 5; round++) {
    const { planes } = await portico.status();
    const puts = Array.from({ length: 8 }, (_, i) => put(`body ${round} ${i}`));
    process.kill(planes[round % 2]!.pid, 'SIGKILL');
    t.strictSame(await Promise.all(puts), Array(8).fill(200));
    while (!(await portico.status()).planes.every(({ ready }) => ready))
      await new Promise((resolve) => setTimeout(resolve, 20));
    const answers = await Promise.all(Array.from({ length: 20 }, () => get(portico.web, '/')));
    const bodies = [...new Set(answers.map(({ body }) => body))];
    t.equal(bodies.length, 1, 'all planes go by the same');
    t.match(bodies[0], new RegExp(`^body ${round} \\d$`));
  }
  t.equal(readFileSync(portico.file, 'utf8'), text(portico, 'body 0'), 'the file is as it was');

  await t.test('planes come and go', async (t) => {
    for (const planes of [4, 1, 3]) {
      portico.write(text(portico, `with ${planes}`, planes));
      t.match(await portico.reload(), /was changed/);
      for (;;) {
        const now = (await portico.status()).planes;
        if (now.length === planes && now.every(({ ready }) => ready)) break;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      t.equal((await get(portico.web, '/')).body, `with ${planes}`);
    }
  });
});

t.test('what was changed at run time stays unless the new config says otherwise of it', async (t) => {
  const [one, two, three] = [await startServer(t, 'one'), await startServer(t, 'two'), await startServer(t, 'three')];
  const text = (ports: { web: number; admin: number }, weight: number, retries: number): string => `
drain_timeout: 2s
planes: 1
admin: { listen: "127.0.0.1:${ports.admin}" }
listeners: [{ name: web, bind: "127.0.0.1:${ports.web}", backend: app }]
backends:
  - name: app
    retries: ${retries}
    servers: [{ address: "127.0.0.1:${one}", weight: ${weight} }, { address: "127.0.0.1:${two}" }]
`;
  const portico = await setUp(t, (ports) => text(ports, 1, 1));
  const call = async (method: string, path: string, body: object): Promise<number> => {
    const request = http.request({
      port: portico.admin,
      method,
      path: `/api/v1/backends/app/servers${path}`,
      headers: { 'content-type': 'application/json' },
      agent: false,
    });
    request.end(JSON.stringify(body));
    const [response] = (await once(request, 'response')) as [http.IncomingMessage];
    response.resume();
    await once(response, 'end');
    return response.statusCode!;
  };
  const servers = async (): Promise<unknown> => {
    const { body } = await get(portico.admin, '/api/v1/backends');
    const { backends } = JSON.parse(body) as {
      backends: [{ servers: { id: string; weight: number; state: string }[] }];
    };
    return backends[0].servers.map(({ id, weight, state }) => `${id.split(':')[1]} ${weight} ${state}`);
  };
  t.equal(await call('PATCH', `/127.0.0.1:${one}`, { weight: 7 }), 200);
  t.equal(await call('PATCH', `/127.0.0.1:${two}`, { state: 'drain' }), 200);
  t.match(await call('POST', '', { address: `127.0.0.1:${three}` }), 201);
  portico.write(text(portico, 1, 2));
  t.match(await portico.reload(), /was changed \(1 differences\)/);
  t.strictSame(await servers(), [`${one} 7 ready`, `${two} 1 drain`, `${three} 1 ready`]);
  portico.write(text(portico, 3, 2));
  await portico.reload();
  t.strictSame(await servers(), [`${one} 3 ready`, `${two} 1 drain`, `${three} 1 ready`]);
});

t.test('a file that is watched is reloaded by itself', async (t) => {
  const text = (ports: { web: number; admin: number }, body: string): string => `
drain_timeout: 2s
planes: 1
watch: true
admin: { listen: "127.0.0.1:${ports.admin}" }
listeners: [{ name: web, bind: "127.0.0.1:${ports.web}", routes: [{ answer: { status: 200, body: ${body} } }] }]
backends: [{ name: app, servers: [{ address: "127.0.0.1:1" }] }]
`;
  const { portico, web, write, ...ports } = await setUp(t, (all) => text(all, 'before'));
  write(text({ web, ...ports }, 'after'));
  await portico.until(/the config was changed/);
  t.equal((await get(web, '/')).body, 'after');
});
