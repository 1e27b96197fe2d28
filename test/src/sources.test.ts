import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { addressesOf, wire } from '../fixtures/claims.ts';
import { enterNamespace, sh } from '../fixtures/netns.ts';
import { PorticoProcess, writeConfig } from '../fixtures/portico-process.ts';

const skip = enterNamespace(import.meta.url) ?? false;
const PEER_SERVER = fileURLToPath(new URL('../fixtures/peer-server.js', import.meta.url));
const PORT = 8000;
const ADMIN = 9000;
const SOURCES = ['10.9.0.7', '10.9.0.8'];

interface Source {
  readonly address: string;
  readonly state: string;
  readonly reason?: string;
  readonly destinations: readonly { readonly used: number; readonly unusable: number }[];
}

/** A server on the other end of a wire, and the config of a Portico that claims two addresses to reach it. */
async function setUp(t: Test, { ports = '20000-29999', planes = 2 } = {}): Promise<string> {
  const peer = await wire(t);
  const server = peer.spawn(process.execPath, [PEER_SERVER, '10.9.0.2', '80']);
  t.teardown(() => server.kill('SIGKILL'));
  await once(server.stdout!, 'data');
  return writeConfig(`
planes: ${planes}
drain_timeout: 1s
admin: { listen: "127.0.0.1:${ADMIN}" }
sources: [{ name: s, addresses: [${SOURCES.join(', ')}], claim: true, interface: v0, ports: ${ports} }]
listeners: [{ name: web, bind: "127.0.0.1:${PORT}", backend: app }]
backends: [{ name: app, connections_per_server: 1000, health: { interval: 200ms }, servers: [{ address: "10.9.0.2:80" }] }]
`);
}

async function start(t: Test, file: string): Promise<PorticoProcess> {
  const portico = new PorticoProcess(['run', '-c', file]);
  t.teardown(() => portico.child.kill('SIGKILL'));
  await portico.until(/Portico is running\./);
  return portico;
}

function ask(port: number, path: string, method = 'GET', body?: string): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const headers = body === undefined ? {} : { 'Content-Type': 'application/json' };
    const request = http.request({ port, path, method, headers, agent: false }, (response) => {
      let text = '';
      response.on('data', (data) => {
        text += data;
      });
      response.on('end', () => resolve({ status: response.statusCode!, body: text }));
    });
    request.on('error', reject).end(body);
  });
}

const sources = async (): Promise<readonly Source[]> =>
  (JSON.parse((await ask(ADMIN, '/api/v1/sources')).body) as { sources: Source[] }).sources;
const stateOf = async (address: string): Promise<string | undefined> =>
  (await sources()).find((source) => source.address === address)?.state;
const used = async (): Promise<number> =>
  (await sources()).reduce((sum, { destinations }) => sum + destinations.reduce((all, each) => all + each.used, 0), 0);
const metric = async (name: string): Promise<number> => {
  const { body } = await ask(ADMIN, '/metrics');
  return body
    .split('\n')
    .filter((line) => line.startsWith(name))
    .reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
};
/** What the kernel has from our sources to the server. */
const established = (): number => sh('ss -Htn state established dst 10.9.0.2').split('\n').filter(Boolean).length;

async function until(test: () => Promise<boolean>): Promise<void> {
  while (!(await test())) await new Promise((resolve) => setTimeout(resolve, 20));
}

/** Requests one after the other on several connections of their own, until stopped; what was not 200 is told. */
function load(paths = ['/']) {
  let isOver = false;
  const answers = new Map<string, number>();
  const froms = new Set<string>();
  const run = async (): Promise<void> => {
    for (let i = 0; !isOver; i++) {
      const { status, body } = await ask(PORT, paths[i % paths.length]!).catch((error: NodeJS.ErrnoException) => ({
        status: 0,
        body: error.code ?? '',
      }));
      const key = status === 200 ? '200' : `${status} ${body}`;
      answers.set(key, (answers.get(key) ?? 0) + 1);
      if (status === 200) froms.add(body.split(' ')[0]!);
    }
  };
  const running = Promise.all(Array.from({ length: 8 }, run));
  return {
    answers,
    froms,
    stop: async () => {
      isOver = true;
      await running;
    },
  };
}

t.test('addresses are claimed, used, taken away under load, claimed again, and let go', { skip }, async (t) => {
  const file = await setUp(t);
  const portico = await start(t, file);
  t.same(addressesOf('v0'), ['10.9.0.1/24', '10.9.0.7/32', '10.9.0.8/32', 'fd00:9::1/64']);
  const traffic = load();
  await until(async () => traffic.froms.size === 2);
  t.same([...traffic.froms].sort(), SOURCES);

  sh('ip address del 10.9.0.7/32 dev v0');
  // It is lost for a moment only, which a look at the state can miss.
  await until(async () => (await metric('portico_source_claims_total{result="reclaimed"}')) >= 1);
  await until(async () => (await stateOf('10.9.0.7')) === 'ready');
  // Requests alone may go on over what is open from the other one: these need connections of their own.
  const held = Array.from({ length: 40 }, () => http.get({ port: PORT, path: '/hold', agent: false }));
  for (const request of held) request.on('error', () => {});
  await until(async () => (await sources()).every(({ destinations }) => destinations.some((each) => each.used > 0)));
  for (const request of held) request.destroy();
  t.ok((await metric('portico_source_claims_total{result="lost"}')) >= 1);

  await traffic.stop();
  // Connections from the address that was taken away were lost with it: nothing else was.
  t.same(
    [...traffic.answers.keys()].filter((key) => !/^(200|502 502 Bad Gateway \(portico\)\n)$/.test(key)),
    [],
    'no other answers',
  );
  t.equal(await metric('portico_server_up'), 1);
  portico.child.kill('SIGTERM');
  t.equal(await portico.ended(), 0);
  t.same(addressesOf('v0'), ['10.9.0.1/24', 'fd00:9::1/64']);
});

t.test('an interface that goes down stops the leases, not the server', { skip }, async (t) => {
  const portico = await start(t, await setUp(t));
  t.equal((await ask(PORT, '/')).status, 200);
  sh('ip link set v0 down');
  await until(async () => (await stateOf('10.9.0.7')) === 'lost' && (await stateOf('10.9.0.8')) === 'lost');
  const waiting = ask(PORT, '/');
  await until(async () => (await metric('portico_queue_depth')) === 1);
  sh('ip link set v0 up');
  t.equal((await waiting).status, 200, 'who waited is served when it is back');
  t.equal(await metric('portico_server_up'), 1);
  t.notMatch(portico.stderr, /unhealthy/);
  portico.child.kill('SIGTERM');
  t.equal(await portico.ended(), 0);
});

t.test('a plane that is killed under load takes its own connections with it, and no port', { skip }, async (t) => {
  const portico = await start(t, await setUp(t));
  const traffic = load(['/', '/']);
  await until(async () => (traffic.answers.get('200') ?? 0) > 100);
  const { planes } = JSON.parse((await ask(ADMIN, '/api/v1/status')).body) as { planes: { pid: number }[] };
  process.kill(planes[0]!.pid, 'SIGKILL');
  await until(async () => (await metric('portico_plane_restarts_total')) === 1);
  await until(async () =>
    (JSON.parse((await ask(ADMIN, '/api/v1/status')).body) as { planes: { ready: boolean }[] }).planes.every(
      ({ ready }) => ready,
    ),
  );
  const count = traffic.answers.get('200')!;
  await until(async () => traffic.answers.get('200')! > count + 100);
  await traffic.stop();
  const broken = [...traffic.answers.keys()].filter((key) => !/^(200|0 ECONNRESET)$/.test(key));
  t.same(broken, []);
  await until(async () => (await used()) === established());
  t.equal(await metric('portico_source_drift_total'), 0);
  t.match(await sources(), [{ state: 'ready' }, { state: 'ready' }]);
  portico.child.kill('SIGTERM');
  t.equal(await portico.ended(), 0);
});

t.test('after kill -9 of the primary the next start takes the addresses over', { skip }, async (t) => {
  const file = await setUp(t);
  const first = await start(t, file);
  const traffic = load();
  await until(async () => (traffic.answers.get('200') ?? 0) > 50);
  first.child.kill('SIGKILL');
  await first.ended();
  await traffic.stop();
  t.ok(addressesOf('v0').includes('10.9.0.7/32'), 'they are still there');
  let second: PorticoProcess;
  // Its planes finish what they have and let the port go.
  for (;;) {
    second = new PorticoProcess(['run', '-c', file]);
    const isUp = await second.until(/Portico is running\./).then(
      () => true,
      () => false,
    );
    if (isUp) break;
    t.match(second.stderr, /is in use/);
  }
  t.match(await sources(), [{ state: 'ready' }, { state: 'ready' }]);
  t.equal((await ask(PORT, '/')).status, 200);
  second.child.kill('SIGTERM');
  t.equal(await second.ended(), 0);
  t.same(addressesOf('v0'), ['10.9.0.1/24', 'fd00:9::1/64']);
});

t.test('ports that other processes sit on are seen and passed over', { skip }, async (t) => {
  const file = await setUp(t, { ports: '20096-20351', planes: 1 });
  // A listener on every address holds its port on ours, too.
  const squatter = net.createServer().listen(20_100, '0.0.0.0');
  await once(squatter, 'listening');
  t.teardown(() => squatter.close());
  const portico = await start(t, file);
  const held: http.ClientRequest[] = [];
  for (let i = 0; i < 511; i++) {
    const request = http.get({ port: PORT, path: '/hold', agent: false }).on('error', () => {});
    held.push(request);
  }
  await until(async () => (await used()) >= 506);
  const list = await sources();
  t.ok(
    list.every(({ destinations }) => destinations[0]!.unusable >= 1),
    JSON.stringify(list),
  );
  t.equal(await metric('portico_server_up'), 1);
  for (const request of held) request.destroy();
  await until(async () => (await used()) <= 1);
  portico.child.kill('SIGTERM');
  t.equal(await portico.ended(), 0);
});

t.test('addresses are added and drained over the API, and claimed and let go with it', { skip }, async (t) => {
  const portico = await start(t, await setUp(t, { planes: 1 }));
  t.match(await ask(ADMIN, '/api/v1/sources/s/addresses', 'POST', '{"address":"10.9.0.9"}'), { status: 201 });
  t.ok(addressesOf('v0').includes('10.9.0.9/32'));
  t.match(await ask(ADMIN, '/api/v1/sources/s/addresses', 'POST', '{"address":"10.9.0.2"}'), {
    status: 409,
    body: /on v0 answers for it/,
  });
  const held = http.get({ port: PORT, path: '/hold', agent: false }).on('error', () => {});
  await until(async () => (await used()) >= 1);
  for (const address of SOURCES)
    t.match(await ask(ADMIN, `/api/v1/sources/s/addresses/${address}`, 'DELETE'), { status: 202 });
  await until(async () => (await sources()).length === 2);
  t.equal(
    (await sources()).filter(({ state }) => state === 'draining').length,
    1,
    'the one with a request under way stays',
  );
  t.match(await ask(PORT, '/'), { status: 200, body: /^10\.9\.0\.9 / });
  held.destroy();
  await until(async () => (await sources()).length === 1);
  await until(async () => addressesOf('v0').join() === '10.9.0.1/24,10.9.0.9/32,fd00:9::1/64');
  t.match(await ask(ADMIN, '/api/v1/sources/s/addresses/10.9.0.9', 'DELETE'), { status: 409 });
  t.equal((await ask(PORT, '/')).status, 200);
  portico.child.kill('SIGTERM');
  t.equal(await portico.ended(), 0);
  t.same(addressesOf('v0'), ['10.9.0.1/24', 'fd00:9::1/64']);
});
