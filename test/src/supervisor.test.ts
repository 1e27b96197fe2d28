import { EventEmitter } from 'node:events';
import t from 'tap';
import { type Child, Supervisor } from '../../src/supervisor.ts';
import { FakeClock } from '../fixtures/fake-clock.ts';

class FakeChild extends EventEmitter {
  readonly pid = 1;
  readonly signals: unknown[] = [];
  send(): boolean {
    return true;
  }
  kill(signal?: unknown): boolean {
    this.signals.push(signal);
    this.emit('exit', null, signal);
    return true;
  }
}

function create() {
  const clock = new FakeClock();
  const children: FakeChild[] = [];
  const delays: number[] = [];
  const supervisor = new Supervisor({
    clock,
    random: () => 0.5,
    spawn: () => {
      const child = new FakeChild();
      children.push(child);
      return child as unknown as Child;
    },
    onStart: () => {},
    onDeath: (_cause, delayMs) => delays.push(delayMs),
  });
  return { clock, children, delays, supervisor };
}

t.test('a process that dies is started again, later and later', async (t) => {
  const { clock, children, delays, supervisor } = create();
  supervisor.start();
  for (let i = 0; i < 12; i++) {
    children.at(-1)!.emit('exit', 1, null);
    t.equal(supervisor.current, undefined);
    clock.advance(delays.at(-1)! - 1);
    t.equal(children.length, i + 1, 'not before its time');
    clock.advance(1);
    t.equal(children.length, i + 2);
  }
  t.same(delays, [100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000, 30_000]);
  t.equal(supervisor.restarts, 12);
});

t.test('a process that has lived a while starts again at once', async (t) => {
  const { clock, children, delays, supervisor } = create();
  supervisor.start();
  children.at(-1)!.emit('exit', 1, null);
  clock.advance(100);
  children.at(-1)!.emit('exit', 1, null);
  clock.advance(200);
  clock.advance(2000);
  children.at(-1)!.emit('exit', null, 'SIGKILL');
  clock.advance(0);
  children.at(-1)!.emit('exit', 1, null);
  t.same(delays, [100, 200, 0, 100]);
});

t.test('a process that has done its work for a second starts again at once', async (t) => {
  const { clock, children, delays, supervisor } = create();
  supervisor.start();
  for (const [startMs, workMs] of [
    [500, 999],
    [500, 1000],
    [0, 1000],
    [1500, 0],
  ] as const) {
    clock.advance(startMs);
    supervisor.onWorking();
    clock.advance(workMs);
    children.at(-1)!.emit('exit', null, 'SIGKILL');
    clock.advance(delays.at(-1)!);
  }
  clock.advance(1000);
  children.at(-1)!.emit('exit', null, 'SIGKILL');
  t.same(delays, [100, 0, 0, 100, 200], 'the work of one says nothing of the next');
});

t.test('a process that was there before is started anew at once when it dies', async (t) => {
  const { clock, children, delays, supervisor } = create();
  const found = new FakeChild();
  supervisor.takeOver(found as unknown as Child, 3);
  t.equal(supervisor.current, found);
  found.emit('exit', null, null);
  clock.advance(0);
  t.equal(children.length, 1);
  t.same(delays, [0]);
  t.equal(supervisor.restarts, 4);
});

t.test('a process that is let go is neither killed nor replaced', async (t) => {
  const { clock, children, supervisor } = create();
  supervisor.start();
  t.equal(supervisor.letGo(), children[0]);
  children[0]!.emit('exit', 0, null);
  clock.advance(100_000);
  t.equal(children.length, 1);
  t.same(children[0]!.signals, []);
});

t.test('stop asks, then kills, and starts nothing again', async (t) => {
  const { clock, children, delays, supervisor } = create();
  supervisor.start();
  let asked = 0;
  const stopped = supervisor.stop(() => asked++, 1000);
  t.equal(asked, 1);
  clock.advance(999);
  t.same(children[0]!.signals, []);
  clock.advance(1);
  t.same(children[0]!.signals, ['SIGKILL']);
  await stopped;
  clock.advance(100_000);
  t.equal(children.length, 1);
  t.same(delays, []);
  await supervisor.stop(() => asked++, 1000);
  t.equal(asked, 1, 'nothing is left to ask');
});

t.test('a process that is asked and goes is not killed', async (t) => {
  const { clock, children, supervisor } = create();
  supervisor.start();
  await supervisor.stop(() => children[0]!.emit('exit', 0, null), 1000);
  clock.advance(5000);
  t.same(children[0]!.signals, []);
});

t.test('a stop while waiting to restart ends the waiting', async (t) => {
  const { clock, children, supervisor } = create();
  supervisor.start();
  children[0]!.emit('exit', 1, null);
  await supervisor.stop(() => {}, 1000);
  clock.advance(100_000);
  t.equal(children.length, 1);
});
