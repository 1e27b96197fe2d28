import t from 'tap';
import type { Channel } from '../../lb/control/channel.ts';
import type { Primary } from '../../src/primary.ts';
import { Reign } from '../../src/reign.ts';
import { StartError } from '../../src/start-error.ts';
import { FakeClock } from '../fixtures/fake-clock.ts';

/** What the process before and the one after say to each other. */
class FakeChannel {
  readonly sent: unknown[] = [];
  isClosed = false;
  onMessage: (message: unknown) => void = () => {};
  onClose: () => void = () => {};

  send(message: unknown): void {
    this.sent.push(message);
  }

  close(): void {
    this.isClosed = true;
  }
}

function prepare(startAgain: () => Promise<void>) {
  const clock = new FakeClock();
  const happened: string[] = [];
  let announce: (channel: Channel) => void = () => {};
  let starts = 0;
  const reign = new Reign({
    clock,
    create: (onSuccessor) => {
      announce = onSuccessor;
      return {
        log: { emit: ({ message }: { message: string }) => happened.push(message) },
        start: () => (starts++ === 0 ? Promise.resolve() : startAgain()),
        letGo: async () => happened.push('let go'),
        stop: async () => happened.push('stopped'),
      } as unknown as Primary;
    },
    onReplaced: (pid) => happened.push(`replaced by ${pid}`),
    onLost: ({ message }) => happened.push(`lost: ${message}`),
  });
  const succeed = async (): Promise<FakeChannel> => {
    const channel = new FakeChannel();
    announce(channel as unknown as Channel);
    while (channel.sent.length === 0) await new Promise(setImmediate);
    return channel;
  };
  return { reign, clock, happened, succeed, starts: () => starts };
}

const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 10));
const TAKES_OVER = ['another process takes over; everything that serves goes on', 'let go'];
const GOES_ON = 'the other process failed to take over; this one goes on';

t.test('a successor that says that it is up replaces it', async (t) => {
  const { reign, happened, succeed, starts } = prepare(() => Promise.reject(new Error('it starts again')));
  await reign.start({});
  const channel = await succeed();
  t.same(channel.sent, [{ type: 'yours' }]);
  channel.onMessage({ type: 'up', pid: 7 });
  await settled();
  t.same(happened, [...TAKES_OVER, 'replaced by 7']);
  t.equal(starts(), 1);
});

t.test('one that dies, or is not up after five minutes, is followed by the one before', async (t) => {
  const { reign, clock, happened, succeed, starts } = prepare(async () => {});
  await reign.start({});
  (await succeed()).onClose();
  await settled();
  t.same(happened, [...TAKES_OVER, GOES_ON]);
  t.equal(starts(), 2);
  const slow = await succeed();
  clock.advance(299_999);
  await settled();
  t.notOk(slow.isClosed);
  clock.advance(1);
  await settled();
  t.ok(slow.isClosed, 'it may not take over any more');
  t.equal(starts(), 3);
  await reign.stop();
  t.equal(happened.at(-1), 'stopped');
});

t.test('one that fails when the one before cannot go on either: that is said, and can be stopped', async (t) => {
  const { reign, happened, succeed } = prepare(() => Promise.reject(new StartError('port 80 is taken')));
  await reign.start({});
  (await succeed()).onClose();
  await settled();
  t.same(happened, [...TAKES_OVER, GOES_ON, 'lost: port 80 is taken']);
  await reign.stop();
  t.equal(happened.at(-1), 'stopped');
});
