import t from 'tap';
import { NatLab } from '../fixtures/nat-lab.ts';
import { enterNamespace } from '../fixtures/netns.ts';
import { sumOf } from '../fixtures/prometheus-sum.ts';
import { ADMIN, closeAll, config, ONE, RAW, startKernel, until, used } from '../fixtures/running-kernel.ts';

const skip = enterNamespace(import.meta.url) ?? false;

t.test(
  'three sources of 1,000 ports hold 3,000 connections, and every one more is refused and counted',
  { skip },
  async (t) => {
    const lab = await NatLab.create(t, ['10.2.1.1', '10.2.1.2', '10.2.1.3']);
    await lab.server('10.2.0.2', 9000);
    await startKernel(t, config(RAW, ONE));
    const clients = await lab.clients();
    for (let open = 0; open < 3000; ) {
      const batch = open < 2850 ? 475 : 50;
      // All of them: those that the plane had at first, too.
      await until('portico_source_ports', 'state="free"', (value) => value >= batch);
      const more = await clients.open('10.1.0.1', 80, batch, 4);
      t.same(more.failures, {}, `after ${open}`);
      open += batch;
      await used((value) => value === open);
    }
    const beyond = await clients.open('10.1.0.1', 80, 100);
    t.same(beyond.failures, { ECONNREFUSED: 100 });
    t.equal(beyond.open, 3000);
    t.equal(await until('portico_source_exhausted_total', 'outcome="refused"', (value) => value >= 100), 100);
    const metrics = await (await fetch(`${ADMIN}/metrics`)).text();
    // A ticket too many is possible where connections come while tickets change; the client's SYN is dropped then, and sent again.
    t.ok(sumOf(metrics, 'portico_source_drift_total', 'kind="insert-failed"') <= 30, 'one in a hundred at most');
    const { ports } = (await (await fetch(`${ADMIN}/api/v1/ports`)).json()) as {
      ports: { source: string; destination: string; used: number; free: number }[];
    };
    t.same(
      ports.map(({ source, destination, used: taken, free }) => [source, destination, taken, free]).sort(),
      ['10.2.1.1', '10.2.1.2', '10.2.1.3'].map((source) => [source, '10.2.0.2:9000', 1000, 0]),
    );
    const { alive } = await clients.ask({ type: 'check' });
    t.equal(alive, 3000);
    await clients.ask({ type: 'close', count: 500 });
    await until('portico_source_ports', 'state="free"', (value) => value === 500);
    const again = await clients.open('10.1.0.1', 80, 400, 4);
    t.same(again.failures, {}, 'what came back is given out again');
    await closeAll(clients);
  },
);
