import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import t from 'tap';
import { getText } from '../fixtures/get-text.ts';
import { freePorts, PorticoProcess, writeConfig } from '../fixtures/portico-process.ts';
import { sumOf } from '../fixtures/prometheus-sum.ts';
import { RawClient } from '../fixtures/raw-client.ts';

const LIMIT_BYTES = 96 << 20;
/** They ask for more than buffers hold, and read nothing of it. */
const SLOW_READERS = 1500;
const BODY = Buffer.alloc(4 << 20);
const REQUEST = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

t.test('a plane at its limit of memory takes nobody else, is not killed, and comes back', async (t) => {
  const backend = http.createServer((request, response) => response.end(request.url === '/big' ? BODY : 'served'));
  await new Promise<void>((resolve) => backend.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    backend.closeAllConnections();
    backend.close();
  });
  const [port, admin] = await freePorts();
  const portico = new PorticoProcess([
    'run',
    '-c',
    writeConfig(`
planes: 1
plane_memory: 96MiB
drain_timeout: 1s
admin: { listen: "127.0.0.1:${admin}" }
listeners: [{ name: web, bind: "127.0.0.1:${port}", backend: app, limits: { unsent: unlimited } }]
backends:
  - name: app
    connections_per_server: 2000
    servers: [{ address: "127.0.0.1:${(backend.address() as AddressInfo).port}" }]
`),
  ]);
  t.teardown(() => portico.child.kill('SIGKILL'));
  await portico.until(/Portico is running\./);
  const metrics = async (): Promise<string> => (await getText(admin, '/metrics')).body;
  const until = async (test: (text: string) => boolean): Promise<string> => {
    for (;;) {
      const text = await metrics();
      if (test(text)) return text;
    }
  };
  t.equal(sumOf(await metrics(), 'portico_plane_memory_limit_bytes'), LIMIT_BYTES);

  const readers = Array.from({ length: SLOW_READERS }, () => {
    const socket = net.connect(port, '127.0.0.1', () => socket.write(REQUEST.replace('/', '/big')));
    socket.on('error', () => {});
    return socket;
  });
  t.teardown(() => readers.map((socket) => socket.destroy()));
  const full = await until((text) => sumOf(text, 'portico_plane_accept_paused') === 1);
  t.ok(sumOf(full, 'portico_plane_accept_pauses_total', 'reason="memory"') > 0);
  t.equal(sumOf(full, 'portico_server_up'), 1, 'no server is to blame');
  const late = new RawClient(port).send(REQUEST);

  for (const socket of readers) socket.destroy();
  await late.until((text) => text.includes('served'));
  const after = await until((text) => sumOf(text, 'portico_plane_accept_paused') === 0);
  t.equal(sumOf(after, 'portico_plane_restarts_total'), 0);
  late.close();
  portico.child.kill('SIGTERM');
  t.equal(await portico.ended(), 0);
});
