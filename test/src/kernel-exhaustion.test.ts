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
    await until('portico_source_ports', 'state="free"', (value) => value === 3000);
    const most = await clients.open('10.1.0.1', 80, 2850, 32);
    t.same(most.failures, {}, 'as fast as they come, none is refused up to 95 %');
    const last = await clients.open('10.1.0.1', 80, 150, 4);
    const early = 150 - (last.open - most.open);
    t.ok(early <= 30, `one in a hundred at most is refused before the last port is gone, not ${early}`);
    for (let open = last.open, tries = 0; open < 3000 && tries < 1000; tries++)
      open = (await clients.open('10.1.0.1', 80, 1)).open;
    const beyond = await clients.open('10.1.0.1', 80, 100, 50);
    t.same(beyond.failures, { ECONNREFUSED: 100 });
    t.equal(beyond.open, 3000);
    await until('portico_source_exhausted_total', 'outcome="refused"', (value) => value >= 100);
    const metrics = await (await fetch(`${ADMIN}/metrics`)).text();
    // What the kernel dropped, and the client's SYN then came again.
    const lost = sumOf(metrics, 'portico_source_drift_total', 'kind="insert-failed"');
    const unplaced = sumOf(metrics, 'portico_source_drift_total', 'kind="unplaced"');
    t.ok(lost + unplaced <= 30, `one in a hundred at most had to come again, not ${lost} and ${unplaced}`);
    await used((value) => value === 3000);
    const { ports } = (await (await fetch(`${ADMIN}/api/v1/ports`)).json()) as {
      ports: { source: string; destination: string; used: number; free: number }[];
    };
    t.same(
      ports.map(({ source, destination, used: taken, free }) => [source, destination, taken, free]).sort(),
      ['10.2.1.1', '10.2.1.2', '10.2.1.3'].map((source) => [source, '10.2.0.2:9000', 1000, 0]),
    );
    const { alive } = await clients.ask({ type: 'check' });
    t.equal(alive, 3000);
    // Nothing is free but what the same client has just given back: its next connection waits until that is seen.
    for (let i = 0; i < 5; i++) {
      await clients.ask({ type: 'close', count: 20 });
      const next = await clients.open('10.1.0.1', 80, 20, 20);
      t.same([next.open, next.failures], [3000, {}]);
    }
    await clients.ask({ type: 'close', count: 500 });
    await until('portico_source_ports', 'state="free"', (value) => value === 500);
    const again = await clients.open('10.1.0.1', 80, 400, 4);
    t.same(again.failures, {}, 'what came back is given out again');
    await closeAll(clients);
  },
);
