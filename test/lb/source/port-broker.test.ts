import fc from 'fast-check';
import t from 'tap';
import type { SourcePoolConfig } from '../../../config/config.ts';
import type { PlaneCommand, PlaneEvent } from '../../../lb/control/messages.ts';
import { BlockLedger } from '../../../lb/source/block-ledger.ts';
import type { Destination, LeasePool } from '../../../lb/source/lease-pool.ts';
import { PortBroker } from '../../../lb/source/port-broker.ts';
import { PortOwner } from '../../../lb/source/port-owner.ts';
import { FakeClock } from '../../fixtures/fake-clock.ts';

const TICK_MS = 20;

interface Plane {
  readonly id: string;
  owner: PortOwner;
  leases: LeasePool;
  destination: Destination;
  waiting: number;
  readonly held: number[];
}

/** A primary and planes without processes: messages arrive in order, when `deliver` is called. */
function start(planes: number, pool: SourcePoolConfig, quarantineMs = 0) {
  const clock = new FakeClock(1);
  const ledger = new BlockLedger(
    { clock },
    {
      pools: [{ name: 'p', sources: pool.addresses.map((address) => ({ address, ranges: [rangeOf(pool)] })) }],
      quarantineMs,
    },
  );
  const mail: (() => void)[] = [];
  const all = new Map<string, Plane>();
  const handle = (plane: Plane, command: PlaneCommand): void => {
    if (command.type === 'grant') plane.owner.grant(command.blocks);
    else if (command.type === 'wanted') plane.owner.setWanted(command.pool, command.isWanted);
    else if (command.type === 'sources') plane.owner.update(command.sources);
  };
  const send = (owner: string, command: PlaneCommand): void => {
    const { owner: addressee } = all.get(owner)!;
    // What was sent to a process that has died meanwhile is lost.
    mail.push(() => {
      if (all.get(owner)!.owner === addressee) handle(all.get(owner)!, command);
    });
  };
  const broker = new PortBroker({
    clock,
    ledger,
    send,
    broadcast: (command) => {
      for (const id of all.keys()) send(id, command);
    },
  });
  const create = (id: string): Pick<Plane, 'owner' | 'leases' | 'destination'> => {
    const owner: PortOwner = new PortOwner(
      {
        clock,
        quarantineMs: () => quarantineMs,
        send: (event: PlaneEvent) => {
          mail.push(() => {
            if (all.get(id)!.owner !== owner) return;
            if (event.type === 'low') broker.onLow(id, event.pool, event.blocks, event.isStarved);
            else if (event.type === 'return') broker.onReturn(id, event.blocks);
          });
        },
      },
      { pools: [pool] },
    );
    const leases = owner.pools.get('p')!;
    owner.grant(ledger.initialShare(id, planes));
    return { owner, leases, destination: leases.destination('127.0.0.1', 80) };
  };
  for (let i = 0; i < planes; i++) {
    const id = `plane-${i}`;
    const plane: Plane = { id, waiting: 0, held: [], ...create(id) };
    all.set(id, plane);
  }
  const serve = (plane: Plane): void => {
    while (plane.waiting > 0) {
      const lease = plane.leases.lease(plane.destination);
      if (lease < 0) return;
      plane.waiting--;
      plane.held.push(lease);
    }
  };
  return {
    clock,
    ledger,
    broker,
    planes: [...all.values()],
    deliver: () => {
      while (mail.length > 0) mail.shift()!();
    },
    tick: () => {
      clock.advance(TICK_MS);
      for (const plane of all.values()) {
        serve(plane);
        plane.owner.tick(clock.now(), () => plane.waiting > 0);
      }
    },
    kill: (plane: Plane) => {
      plane.held.length = 0;
      broker.onDeath(plane.id);
      Object.assign(plane, create(plane.id));
      broker.tellWanted(plane.id);
    },
    nameOf: (plane: Plane, lease: number) => `${plane.leases.addressOf(lease)}:${plane.leases.portOf(lease)}`,
  };
}

const rangeOf = ({ ports: { low, high } }: SourcePoolConfig) => ({ first: low, last: high });

const poolOf = (addresses: string[], low: number, high: number): SourcePoolConfig => ({
  name: 'p',
  addresses,
  claim: false,
  interface: 'lo',
  ports: { low, high },
  reservedPorts: 'avoid',
  strategy: 'most-free',
  exhaustion: { queue: 1, timeoutMs: 1, warnMs: 1 },
});

const THREE = ['127.0.1.1', '127.0.1.2', '127.0.1.3'];

for (const planes of [1, 2, 4]) {
  t.test(`${planes} planes use 3 × 1,000 ports to the last one, whoever the connections come to`, async (t) => {
    const spreads: readonly ((i: number) => number)[] = [
      () => 0,
      (i) => i % planes,
      (i) => (i % 7 === 0 ? planes - 1 : 0),
    ];
    for (const spread of spreads) {
      const { planes: all, deliver, tick, nameOf } = start(planes, poolOf(THREE, 20_000, 20_999));
      for (let i = 0; i < 3001; i++) {
        all[spread(i)]!.waiting++;
        if (i % 50 === 0) {
          tick();
          deliver();
        }
      }
      for (let i = 0; i < 100; i++) {
        tick();
        deliver();
      }
      const held = all.flatMap((plane) => plane.held.map((lease) => nameOf(plane, lease)));
      t.equal(new Set(held).size, 3000);
      t.equal(held.length, 3000);
      t.equal(
        all.reduce((sum, { waiting }) => sum + waiting, 0),
        1,
      );
      // Any port that becomes free is the one that is waited for, in whichever process.
      const waits = all.find(({ waiting }) => waiting > 0)!;
      const gives = all.find((plane) => plane !== waits && plane.held.length > 0) ?? waits;
      gives.leases.release(gives.destination, gives.held.shift()!, 'reset');
      for (let i = 0; i < 3; i++) {
        tick();
        deliver();
      }
      t.equal(waits.waiting, 0, 'within three ticks, of 20 ms each');
    }
  });
}

t.test('no port is leased twice, whatever planes do and however they die', async () => {
  const step = fc.record({
    do: fc.constantFrom('want', 'want', 'want', 'release', 'release', 'tick', 'tick', 'deliver', 'kill'),
    plane: fc.nat(3),
    count: fc.integer({ min: 1, max: 200 }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60, size: 'max' }), fc.integer({ min: 1, max: 4 }), (steps, planes) => {
      const {
        planes: all,
        deliver,
        tick,
        kill,
        nameOf,
        ledger,
        clock,
      } = start(planes, poolOf(THREE, 20_000, 20_200), 100);
      for (const { do: action, plane: number, count } of steps) {
        const plane = all[number % planes]!;
        if (action === 'want') plane.waiting += count;
        else if (action === 'tick') tick();
        else if (action === 'deliver') deliver();
        else if (action === 'kill') kill(plane);
        else {
          for (const lease of plane.held.splice(0, count)) {
            plane.leases.release(plane.destination, lease, count % 2 === 0 ? 'closed' : 'reset');
          }
        }
        const held = all.flatMap((each) => each.held.map((lease) => nameOf(each, lease)));
        if (new Set(held).size !== held.length) return false;
      }
      // In the end all of them can be had by whoever asks.
      for (const plane of all) {
        plane.waiting = 0;
        for (const lease of plane.held.splice(0)) plane.leases.release(plane.destination, lease, 'reset');
      }
      clock.advance(200);
      all[0]!.waiting = 603;
      for (let i = 0; i < 600 && all[0]!.waiting > 0; i++) {
        tick();
        deliver();
      }
      const { free } = all[0]!.leases.counts()[0]!;
      return all[0]!.held.length === 603 && free === 0 && ledger.freePorts('p') === 0;
    }),
    { numRuns: 60 },
  );
});

t.test('a plane that starts while others are short of ports is told so', async (t) => {
  const { planes, tick, deliver, kill } = start(2, poolOf(['127.0.1.1'], 20_000, 20_400));
  const [short, other] = planes as [Plane, Plane];
  short.waiting = 401;
  for (let i = 0; i < 20; i++) {
    tick();
    deliver();
  }
  t.equal(short.held.length, 401);
  short.waiting = 1;
  tick();
  deliver();
  kill(other);
  t.equal(other.leases.counts().length, 1);
  short.leases.release(short.destination, short.held.shift()!, 'closed');
  tick();
  t.equal(short.waiting, 0);
});
