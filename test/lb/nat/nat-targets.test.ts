import t from 'tap';
import { NatTargets } from '../../../lb/nat/nat-targets.ts';
import { createConntrackBatch } from '../../../lb/netlink/conntrack-batch.ts';

const SOURCE = { pool: 'wide', address: '10.2.1.1' };
const RUN = { address: SOURCE.address, first: 20_000, last: 20_095 };
const [ESTABLISHED, TIME_WAIT, CLOSE] = [3, 7, 8];

/** One connection a port: open, ended by the client, by the server, by a reset. */
const batch = createConntrackBatch(4);
batch.count = 4;
batch.protocol.fill(6);
batch.serverPort.fill(9000);
batch.sourcePort.set([20_000, 20_001, 20_002, 20_003]);
batch.state.set([ESTABLISHED, TIME_WAIT, TIME_WAIT, CLOSE]);
batch.isEndedByClient.set([0, 1, 0, 0]);

async function read(isShort: boolean) {
  const erased: number[] = [];
  const targets = new NatTargets({
    canEvict: true,
    eraser: { add: (_batch, i) => void erased.push(i), flush: async () => {} },
  });
  const { steering } = targets.get('wide', 'tcp', '10.2.0.2', 9000);
  // So few that each is a ticket of its own, or more than there may be tickets.
  steering.redraw([RUN], { soon: 0, most: isShort ? 1024 : 10 });
  targets.begin([SOURCE]);
  targets.read(batch);
  await targets.commit();
  return { erased, counts: steering.ports.countsOf(RUN) };
}

t.test('where ports run short, what has ended harmlessly is forgotten, and its port is free', async (t) => {
  const { erased, counts } = await read(true);
  t.same(erased, [1, 3]);
  t.same(counts, { used: 1, quarantined: 1 }, 'the server that ended first remembers that for a while');
});

t.test('where there are enough, the kernel forgets in its own time', async (t) => {
  const { erased, counts } = await read(false);
  t.same(erased, []);
  t.same(counts, { used: 1, quarantined: 3 });
});
