import t from 'tap';
import { NatLab } from '../fixtures/nat-lab.ts';
import { enterNamespace } from '../fixtures/netns.ts';
import { ADMIN, closeAll, config, RAW, startKernel, until } from '../fixtures/running-kernel.ts';

const skip = enterNamespace(import.meta.url) ?? false;
const CHANGES = 1000;
const BOTH = '{ address: "10.2.0.2:9000" }, { address: "10.2.0.3:9000" }';

async function change(server: string, wish: object): Promise<void> {
  const response = await fetch(`${ADMIN}/api/v1/backends/app/servers/${server}`, {
    method: 'PATCH',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(wish),
  });
  if (!response.ok) throw new Error(`${server}: ${response.status} ${await response.text()}`);
}

t.test(
  '1,000 changes of weights and servers under load: no connection is lost, and none is refused',
  { skip },
  async (t) => {
    const lab = await NatLab.create(t, ['10.2.1.1', '10.2.1.2', '10.2.1.3']);
    await lab.server('10.2.0.2', 9000);
    await lab.server('10.2.0.3', 9000);
    await startKernel(t, config(RAW, BOTH));
    await until('portico_source_ports', 'state="free"', (value) => value === 6000);
    const clients = await lab.clients();
    t.equal((await clients.open('10.1.0.1', 80, 300, 4)).open, 300);
    let isOver = false;
    const opening = (async () => {
      const failures: object[] = [];
      for (let rounds = 0; !isOver && rounds < 40; rounds++) {
        const { failures: some } = await clients.open('10.1.0.1', 80, 40, 2);
        if (Object.keys(some).length > 0) failures.push(some);
      }
      return failures;
    })();
    for (let i = 0; i < CHANGES; i++) {
      const server = i % 2 === 0 ? '10.2.0.2:9000' : '10.2.0.3:9000';
      await change(server, i % 10 === 0 ? { state: i % 20 === 0 ? 'drain' : 'ready' } : { weight: 1 + (i % 9) });
    }
    isOver = true;
    t.same(await opening, []);
    const { open } = await clients.ask({ type: 'close', count: 0 });
    t.equal((await clients.ask({ type: 'check' })).alive, open, 'all of them are alive');
    await closeAll(clients);
  },
);
