import http from 'node:http';
import net from 'node:net';
import t, { type Test } from 'tap';
import { enterNamespace, sh } from '../fixtures/netns.ts';
import { PorticoProcess, writeConfig } from '../fixtures/portico-process.ts';

const skip = enterNamespace(import.meta.url) ?? false;
const [PORT, ADMIN, SERVER] = [8000, 9000, 9100];
const PORTS = 3000;

/** A server that holds every request until it is told to answer; `arrived` counts them. */
async function holdingServer(t: Test) {
  const open = new Set<net.Socket>();
  const state = { arrived: 0 };
  const server = net.createServer((socket) => {
    open.add(socket);
    socket.on('data', () => state.arrived++);
    socket.on('error', () => {});
    socket.on('close', () => open.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen({ port: SERVER, host: '127.0.0.1', backlog: 4096 }, resolve));
  t.teardown(() => {
    for (const socket of open) socket.destroy();
    server.close();
  });
  const answerOne = (): void => {
    const [socket] = open;
    open.delete(socket!);
    socket!.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
  };
  return { state, answerOne };
}

/** Requests that wait for their answers, each on a connection of its own. */
function clients(t: Test) {
  const open: net.Socket[] = [];
  const answers: string[] = [];
  t.teardown(() => {
    for (const socket of open) socket.destroy();
  });
  return {
    answers,
    add: (count: number): void => {
      for (let i = 0; i < count; i++) {
        const socket = net.connect(PORT, '127.0.0.1');
        socket.on('error', (error) => answers.push(error.message));
        socket.on('data', (data) => answers.push(data.toString('latin1').split('\r\n')[0]!));
        socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
        open.push(socket);
      }
    },
    close: () => {
      for (const socket of open) socket.destroy();
    },
  };
}

const fetchText = (path: string): Promise<string> =>
  new Promise((resolve, reject) => {
    http
      .get({ port: ADMIN, path, agent: false }, (response) => {
        let text = '';
        response.on('data', (data) => {
          text += data;
        });
        response.on('end', () => resolve(text));
      })
      .on('error', reject);
  });

/** The sum over all label sets that contain `labels`. */
async function metric(name: string, labels = ''): Promise<number> {
  const lines = (await fetchText('/metrics')).split('\n');
  const chosen = lines.filter((line) => line.startsWith(`${name}{`) && line.includes(labels));
  return chosen.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}

async function until(test: () => Promise<boolean>): Promise<void> {
  while (!(await test())) await new Promise((resolve) => setTimeout(resolve, 20));
}

const used = (): Promise<number> => metric('portico_source_ports', 'state="used"');
const established = (): number => Number(sh('ss -Htn state established dst 127.0.0.1:9100').split('\n').length - 1);

for (const planes of [1, 2, 4]) {
  t.test(`3 × 1,000 ports are open at once through ${planes} planes, and the next waits`, { skip }, async (t) => {
    sh('ip link set lo up');
    const server = await holdingServer(t);
    const portico = new PorticoProcess([
      'run',
      '-c',
      writeConfig(`
planes: ${planes}
drain_timeout: 1s
admin: { listen: "127.0.0.1:${ADMIN}" }
sources: [{ name: s, addresses: [127.0.1.1-127.0.1.3], ports: 20000-20999, exhaustion: { timeout: 10m } }]
listeners: [{ name: web, bind: "127.0.0.1:${PORT}", backend: app }]
backends: [{ name: app, connections_per_server: 65535, timeouts: { response: 10m }, servers: [{ address: "127.0.0.1:${SERVER}" }] }]
`),
    ]);
    t.teardown(() => portico.child.kill('SIGKILL'));
    await portico.until(/Portico is running\./);

    const all = clients(t);
    for (let left = PORTS; left > 0; left -= 250) {
      const before = PORTS - left;
      all.add(250);
      await until(async () => server.state.arrived === before + 250);
    }
    t.equal(await used(), PORTS, 'the map');
    t.equal(established(), PORTS, 'the kernel');
    t.same(all.answers, [], 'nobody was refused');
    t.equal(await metric('portico_source_ports', 'state="free"'), 0);

    all.add(3);
    await until(async () => (await metric('portico_queue_depth')) === 3);
    t.equal(server.state.arrived, PORTS);
    for (let i = 1; i <= 3; i++) {
      server.answerOne();
      await until(async () => server.state.arrived === PORTS + i);
    }
    t.equal(await used(), PORTS);
    t.equal(await metric('portico_queue_depth'), 0);
    t.same(all.answers, Array(3).fill('HTTP/1.1 200 OK'));
    t.equal(await metric('portico_source_exhausted_total', 'outcome="refused"'), 0);
    t.equal(await metric('portico_server_up'), 1);

    all.close();
    await until(async () => (await used()) === 0);
    t.equal(await metric('portico_source_drift_total'), 0);
    portico.child.kill('SIGTERM');
    t.equal(await portico.ended(), 0);
  });
}
