import t from 'tap';
import { freePorts, PorticoProcess, writeConfig } from '../fixtures/portico-process.ts';
import { sumOf } from '../fixtures/prometheus-sum.ts';
import { RawClient } from '../fixtures/raw-client.ts';
import { startRawServer } from '../fixtures/raw-server.ts';

/** Of each plane. */
const CLIENTS = 20;

t.test('a plane that is killed takes its own relayed connections with it and no others', async (t) => {
  const echo = await startRawServer((socket, data) => void socket.write(data));
  const [port, admin] = await freePorts();
  const portico = new PorticoProcess([
    'run',
    '-c',
    writeConfig(`
planes: 2
admin: { listen: "127.0.0.1:${admin}" }
listeners: [{ name: raw, bind: "127.0.0.1:${port}", engine: tcp, backend: echo }]
backends: [{ name: echo, servers: [{ address: "127.0.0.1:${echo.port}" }] }]
`),
  ]);
  t.teardown(async () => {
    portico.child.kill('SIGKILL');
    await portico.ended();
    await echo.close();
  });
  for (const plane of [1, 2]) await portico.until(new RegExp(`plane-${plane} accepts`));
  const url = `http://127.0.0.1:${admin}`;
  const { planes } = (await (await fetch(`${url}/api/v1/status`)).json()) as { planes: { pid: number }[] };
  const [killed, other] = planes.map(({ pid }) => pid) as [number, number];
  /** Of that plane alone: both wait at one socket, and the other one is stopped meanwhile. */
  const connect = async (stopped: number): Promise<RawClient[]> => {
    process.kill(stopped, 'SIGSTOP');
    const clients = Array.from({ length: CLIENTS }, () => new RawClient(port).send('a'));
    await Promise.all(clients.map((client) => client.until((text) => text === 'a')));
    process.kill(stopped, 'SIGCONT');
    return clients;
  };
  const lost = await connect(other);
  const living = await connect(killed);
  process.kill(killed, 'SIGKILL');
  await portico.until(/plane-1 died \(SIGKILL\)[\s\S]*plane-1 accepts/);
  await Promise.all(lost.map((client) => client.closed()));
  for (const client of living) client.send('b');
  await Promise.all(living.map((client) => client.until((text) => text === 'ab')));
  const late = Array.from({ length: CLIENTS }, () => new RawClient(port).send('c'));
  await Promise.all(late.map((client) => client.until((text) => text === 'c')));
  for (const { socket } of [...living, ...late]) socket.end();
  for (let used = -1; used !== 0; ) {
    used = sumOf(await (await fetch(`${url}/metrics`)).text(), 'portico_source_ports', 'state="used"');
  }
  t.pass('no port is left with the plane that is gone');
});
