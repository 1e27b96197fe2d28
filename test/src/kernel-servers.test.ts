import t from 'tap';
import { NatLab } from '../fixtures/nat-lab.ts';
import { enterNamespace } from '../fixtures/netns.ts';
import { ADMIN, closeAll, config, RAW, startKernel, until } from '../fixtures/running-kernel.ts';

const skip = enterNamespace(import.meta.url) ?? false;
const BOTH = '{ address: "10.2.0.2:9000" }, { address: "10.2.0.3:9000" }';

t.test('a server that drains keeps what it has, one that fails its checks gets nothing', { skip }, async (t) => {
  const lab = await NatLab.create(t, ['10.2.1.1', '10.2.1.2', '10.2.1.3']);
  await lab.server('10.2.0.2', 9000);
  const second = await lab.server('10.2.0.3', 9000);
  const text = config(RAW, BOTH).replace('servers:', 'health: { interval: 100ms, rise: 1, fall: 2 }, servers:');
  await startKernel(t, text);
  await until('portico_server_up', '', (value) => value === 2);
  const clients = await lab.clients();
  const servers = async (count: number): Promise<Set<string>> => {
    const { greetings } = await clients.open('10.1.0.1', 80, count, 4);
    return new Set(greetings.map((greeting) => greeting.split(' ')[0]!));
  };
  t.same([...(await servers(8))].sort(), ['10.2.0.2', '10.2.0.3']);
  const state = (wish: string): Promise<Response> =>
    fetch(`${ADMIN}/api/v1/backends/app/servers/10.2.0.3:9000`, {
      method: 'PATCH',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ state: wish }),
    });
  t.equal((await state('drain')).status, 200);
  for (let fresh = new Set(['10.2.0.3']); fresh.has('10.2.0.3'); ) fresh = await servers(2);
  t.same([...(await servers(6))], ['10.2.0.2'], 'who drains gets no new ones');
  const { open } = await clients.ask({ type: 'close', count: 0 });
  t.equal((await clients.ask({ type: 'check' })).alive, open, 'and keeps those that it has');
  t.equal((await state('ready')).status, 200);
  while (!(await servers(2)).has('10.2.0.3')) t.pass('not yet');
  second.kill('SIGKILL');
  await until('portico_server_up', 'server="10.2.0.3:9000"', (value) => value === 0);
  while ((await clients.open('10.1.0.1', 80, 4)).failures.ECONNREFUSED !== undefined) t.pass('not yet');
  t.same([...(await servers(8))], ['10.2.0.2'], 'who fails its checks gets none');
  await closeAll(clients);
});
