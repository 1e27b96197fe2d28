import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import http from 'node:http';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { freePorts, PorticoProcess, writeConfig } from '../fixtures/portico-process.ts';

const SERVER = fileURLToPath(new URL('../fixtures/restartable-server.js', import.meta.url));
const CLIENTS = 16;

interface ServerView {
  readonly id: string;
  readonly healthy: boolean;
  readonly active: number;
}

function request(
  port: number,
  path: string,
  { method = 'GET', body, agent = false }: { method?: string; body?: object; agent?: http.Agent | false } = {},
): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const headers = body === undefined ? {} : { 'content-type': 'application/json' };
    http
      .request({ port, host: '127.0.0.1', path, method, headers, agent }, (response) => {
        let text = '';
        response.on('data', (data) => {
          text += data;
        });
        response.on('end', () => resolve({ status: response.statusCode!, body: text }));
        response.on('error', reject);
      })
      .on('error', reject)
      .end(body === undefined ? undefined : JSON.stringify(body));
  });
}

async function startServer(port: number): Promise<ChildProcess> {
  const child = fork(SERVER, [String(port)]);
  await once(child, 'message');
  return child;
}

/** Clients that ask without a pause; each failed request is kept. */
class Load {
  readonly failures: string[] = [];
  readonly pids = new Set<string>();
  requests = 0;
  private readonly agent = new http.Agent({ keepAlive: true, maxSockets: CLIENTS });
  private isOver = false;
  private readonly loops: Promise<void>[];

  constructor(port: number) {
    this.loops = Array.from({ length: CLIENTS }, () => this.loop(port));
  }

  private async loop(port: number): Promise<void> {
    while (!this.isOver) {
      this.requests++;
      try {
        const { status, body } = await request(port, '/', { agent: this.agent });
        if (status === 200) this.pids.add(body);
        else this.failures.push(`${status} ${body}`);
      } catch (error) {
        this.failures.push(String(error));
      }
    }
  }

  async stop(): Promise<void> {
    this.isOver = true;
    await Promise.all(this.loops);
    this.agent.destroy();
  }
}

/** Portico before three servers of one backend, under load. */
async function setUp(t: Test) {
  const [port, admin] = await freePorts();
  const ports = [...(await freePorts()), (await freePorts())[0]];
  const servers = await Promise.all(ports.map(startServer));
  t.teardown(() => {
    for (const server of servers) server.kill('SIGKILL');
  });
  const portico = new PorticoProcess([
    'run',
    '-c',
    writeConfig(`
planes: 2
drain_timeout: 2s
admin: { listen: "127.0.0.1:${admin}" }
listeners: [{ name: web, bind: "127.0.0.1:${port}", backend: app }]
backends:
  - name: app
    health: { path: /, interval: 200ms, fast_interval: 50ms, rise: 1 }
    servers: [${ports.map((each) => `{ address: "127.0.0.1:${each}" }`).join(', ')}]
`),
  ]);
  t.teardown(() => portico.child.kill('SIGKILL'));
  await portico.until(/Portico is running\./);
  const views = async (): Promise<ServerView[]> => {
    const { body } = await request(admin, '/api/v1/backends');
    return (JSON.parse(body) as { backends: [{ servers: ServerView[] }] }).backends[0].servers;
  };
  return {
    portico,
    servers,
    ports,
    load: new Load(port),
    set: async (i: number, state: string): Promise<void> => {
      const path = `/api/v1/backends/app/servers/127.0.0.1:${ports[i]}`;
      const { status } = await request(admin, path, { method: 'PATCH', body: { state } });
      t.equal(status, 200, `${state} ${path}`);
    },
    until: async (i: number, test: (server: ServerView) => boolean): Promise<void> => {
      while (!test((await views())[i]!)) await new Promise((resolve) => setTimeout(resolve, 10));
    },
    /** Ends the process, and starts another one on its port. */
    restart: async (i: number, signal: NodeJS.Signals): Promise<void> => {
      const gone = once(servers[i]!, 'exit');
      servers[i]!.kill(signal);
      await gone;
      servers[i] = await startServer(ports[i]!);
    },
  };
}

t.test('all servers are restarted one by one under load, with drain: no request fails', async (t) => {
  const { portico, servers, load, set, until, restart } = await setUp(t);
  const before = servers.map(({ pid }) => pid);
  for (let i = 0; i < servers.length; i++) {
    await set(i, 'drain');
    await until(i, ({ active }) => active === 0);
    await restart(i, 'SIGKILL');
    await set(i, 'ready');
    await until(i, ({ healthy }) => healthy);
    while (!load.pids.has(String(servers[i]!.pid))) await new Promise((resolve) => setImmediate(resolve));
  }
  await load.stop();
  t.same(load.failures, []);
  t.equal(load.pids.size, 6, 'the old and the new ones have all answered');
  t.notOk(servers.some(({ pid }) => before.includes(pid)));
  t.ok(load.requests > 300, `${load.requests} requests`);
  portico.child.kill('SIGTERM');
  t.equal(await portico.ended(), 0);
});

t.test(
  'servers are killed one after the other under load, without a word: idempotent requests do not fail',
  async (t) => {
    const { portico, servers, load, until, restart } = await setUp(t);
    for (let i = 0; i < servers.length; i++) {
      await restart(i, 'SIGKILL');
      while (!load.pids.has(String(servers[i]!.pid))) await new Promise((resolve) => setImmediate(resolve));
      await until(i, ({ healthy }) => healthy);
    }
    await load.stop();
    t.same(load.failures, []);
    portico.child.kill('SIGTERM');
    t.equal(await portico.ended(), 0);
  },
);
