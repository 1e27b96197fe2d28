import t from 'tap';
import { readProxyHeader } from '../../lb/proxy-protocol/read-proxy-header.ts';
import { freePorts, PorticoProcess, writeConfig } from '../fixtures/portico-process.ts';
import { RawClient } from '../fixtures/raw-client.ts';
import { startRawServer } from '../fixtures/raw-server.ts';

t.test('a tcp and an http listener beside each other, in whole processes', async (t) => {
  const checks: unknown[] = [];
  // Wants a PROXY header, answers health checks, and sends back what else comes.
  const wary = await startRawServer((socket, data) => {
    const header = readProxyHeader(data, data.length);
    if (header.kind !== 'header') {
      if (data.toString() === 'ping') socket.write('pong');
      else if (data.toString().startsWith('GET ')) socket.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
      return;
    }
    const rest = data.subarray(header.length).toString();
    if (header.addresses === undefined) checks.push(header);
    if (rest.startsWith('GET ')) socket.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
    else if (rest === 'ping') socket.write('pong');
  });
  const plain = await startRawServer((socket) => void socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'));
  const [[raw, admin], [web]] = await Promise.all([freePorts(), freePorts()]);
  const portico = new PorticoProcess([
    'run',
    '-c',
    writeConfig(`
planes: 2
admin: { listen: "127.0.0.1:${admin}" }
listeners:
  - { name: raw, bind: "127.0.0.1:${raw}", engine: tcp, backend: wary }
  - { name: web, bind: "127.0.0.1:${web}", backend: app }
backends:
  - name: wary
    proxy_protocol: v2
    health: { path: /healthz, interval: 100ms }
    servers: [{ address: "127.0.0.1:${wary.port}" }]
  - { name: app, servers: [{ address: "127.0.0.1:${plain.port}" }] }
`),
  ]);
  t.teardown(async () => {
    portico.child.kill('SIGKILL');
    await portico.ended();
    await wary.close();
    await plain.close();
  });
  await portico.until(/Portico is running\./);
  t.ok(checks.length > 0, 'a check says that it is the balancer’s own');
  const client = new RawClient(raw).send('ping');
  await client.until((text) => text === 'pong');
  t.match(await new RawClient(web).send('GET / HTTP/1.0\r\n\r\n').closed(), /^HTTP\/1\.[01] 200/);
  const listeners = await (await fetch(`http://127.0.0.1:${admin}/api/v1/listeners`)).json();
  t.match(listeners, {
    listeners: [
      { name: 'raw', engine: 'tcp', connections: 1 },
      { name: 'web', engine: 'http' },
    ],
  });
  portico.child.kill('SIGTERM');
  // The drain leaves the open connection alone until it ends by itself.
  client.send('ping');
  await client.until((text) => text === 'pongpong');
  client.socket.end();
  t.equal(await portico.ended(), 0);
});
