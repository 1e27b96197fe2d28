import t from 'tap';
import { MARK_LAST, MARK_RETRY } from '../../../lb/nat/nat-chains.ts';
import { WaitingRoom } from '../../../lb/nat/waiting-room.ts';

function roomWith(packets: readonly { readonly id: number; readonly mark?: number; readonly begun: number }[]) {
  const room = new WaitingRoom();
  const repeated: [number, number][] = [];
  for (const { id, mark = 0, begun } of packets) room.add({ id, mark }, begun);
  const release = (open: number, done: number): [number, number][] => {
    room.release({ repeat: (id, mark) => void repeated.push([id, mark]) }, open, done);
    return repeated.splice(0);
  };
  return { room, release };
}

t.test('packets wait for a reading that began after they came, and are refused by its result', async (t) => {
  const { room, release } = roomWith([
    { id: 1, begun: 4 },
    { id: 2, begun: 5 },
  ]);
  t.same(release(0, 4), []);
  t.same(release(0, 5), [[1, MARK_LAST]]);
  t.equal(room.isEmpty, false);
  t.same(release(0, 6), [[2, MARK_LAST]]);
  t.equal(room.isEmpty, true);
});

t.test('as many as find a port go at once, in the order in which they came', async (t) => {
  const { release } = roomWith([
    { id: 1, begun: 5 },
    { id: 2, begun: 5 },
    { id: 3, begun: 5 },
  ]);
  t.same(release(2, 5), [
    [1, MARK_RETRY],
    [2, MARK_RETRY],
  ]);
  t.same(release(0, 6), [[3, MARK_LAST]]);
});

t.test('one that was let go in vain waits for a reading, whatever is free elsewhere', async (t) => {
  const { release } = roomWith([{ id: 1, mark: MARK_RETRY, begun: 5 }]);
  t.same(release(Number.POSITIVE_INFINITY, 5), []);
  t.same(release(Number.POSITIVE_INFINITY, 6), [[1, MARK_LAST]]);
});
