import t from 'tap';
import { type NatClients, NatLab } from '../fixtures/nat-lab.ts';
import { enterNamespace, sh } from '../fixtures/netns.ts';
import { PorticoProcess, writeConfig } from '../fixtures/portico-process.ts';
import { config, ONE, RAW, until } from '../fixtures/running-kernel.ts';

const skip = enterNamespace(import.meta.url) ?? false;
const TAKEOVERS = 2;

/** Some at a time, again and again until it is over. Resolves with failures by errno. */
async function openAndClose(clients: NatClients, isOver: () => boolean): Promise<Readonly<Record<string, number>>> {
  const failures: Record<string, number> = {};
  while (!isOver()) {
    const answer = await clients.open('10.1.0.1', 80, 10, 5);
    for (const [code, count] of Object.entries(answer.failures)) failures[code] = (failures[code] ?? 0) + count;
    await clients.ask({ type: 'close', count: answer.open });
  }
  return failures;
}

t.test('nobody is refused while the next start takes the rules over', { skip }, async (t) => {
  const lab = await NatLab.create(t, ['10.2.1.1', '10.2.1.2', '10.2.1.3']);
  await lab.server('10.2.0.2', 9000);
  // Servers that are checked are unknown to the next start for a moment. Ports enough, so that none is waited for.
  const text = config(RAW, ONE, '20000-39999').replace('servers:', 'health: { interval: 100ms }, servers:');
  const file = writeConfig(text);
  t.teardown(() => sh('nft delete table inet portico'));
  const start = (): PorticoProcess => {
    const portico = new PorticoProcess(['run', '-c', file]);
    t.teardown(() => portico.child.kill('SIGKILL'));
    return portico;
  };
  let portico = start();
  await portico.until(/Portico is running\./);
  await until('portico_server_up', '', (value) => value === 1);
  const clients = await lab.clients();
  for (let i = 0; i < TAKEOVERS; i++) {
    let isOver = false;
    const load = openAndClose(clients, () => isOver);
    portico.child.kill('SIGKILL');
    await portico.ended();
    portico = start();
    await portico.until(/took over the rules that an earlier run has left, with/);
    await portico.until(/Portico is running\./);
    await until('portico_server_up', '', (value) => value === 1);
    isOver = true;
    t.same(await load, {});
  }
  portico.child.kill('SIGTERM');
  t.equal(await portico.ended(), 0);
});
