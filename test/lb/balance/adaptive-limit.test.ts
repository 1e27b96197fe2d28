import t from 'tap';
import { AdaptiveLimit } from '../../../lb/balance/adaptive-limit.ts';

const TICK_MS = 20;

interface Model {
  /** Requests that the server works on at once; more wait there. */
  readonly slots: number;
  readonly serviceMs: (nowMs: number) => number;
  readonly seconds: number;
  /** For the share that waits before the limit: who waits longer is gone. */
  readonly patienceMs: number;
  readonly arrivalsPerSecond: number;
}

/** A server behind a limit, in simulated time. Returns requests answered within the last half, and what was seen there. */
function simulate(model: Model): { perSecond: number; limits: number[]; answerMs: number[] } {
  const { slots, serviceMs, seconds, patienceMs, arrivalsPerSecond } = model;
  const limit = new AdaptiveLimit(() => 0.5, 0);
  const waiting: number[] = [];
  const atServer: number[] = [];
  const running: { endMs: number; sentMs: number }[] = [];
  const limits: number[] = [];
  const answerMs: number[] = [];
  const endMs = seconds * 1000;
  let answered = 0;
  let due = 0;
  for (let now = 0; now < endMs; now++) {
    for (; due <= now; due += 1000 / arrivalsPerSecond) waiting.push(now);
    for (let i = running.length - 1; i >= 0; i--) {
      if (running[i]!.endMs > now) continue;
      const { sentMs } = running.splice(i, 1)[0]!;
      limit.observe(sentMs, now, running.length + atServer.length + 1);
      if (now < endMs / 2) continue;
      answered++;
      answerMs.push(now - sentMs);
    }
    while (waiting.length > 0 && now - waiting[0]! > patienceMs) waiting.shift();
    while (waiting.length > 0 && running.length + atServer.length < limit.most) {
      waiting.shift();
      atServer.push(now);
    }
    while (atServer.length > 0 && running.length < slots) {
      running.push({ endMs: now + serviceMs(now), sentMs: atServer.shift()! });
    }
    if (now % TICK_MS === 0) limit.tick(now);
    if (now >= endMs / 2) limits.push(limit.most);
  }
  return { perSecond: answered / (seconds / 2), limits, answerMs };
}

const most = (values: readonly number[]): number => values.reduce((a, b) => Math.max(a, b), 0);

for (const [slots, serviceMs] of [
  [1, 5],
  [8, 20],
  [64, 50],
  [200, 10],
] as const) {
  t.test(
    `${slots} slots of ${serviceMs} ms: all are used at three times the load, and little waits at the server`,
    async (t) => {
      const peak = (slots * 1000) / serviceMs;
      const { perSecond, limits, answerMs } = simulate({
        slots,
        serviceMs: () => serviceMs,
        seconds: 60,
        patienceMs: 100,
        arrivalsPerSecond: 3 * peak,
      });
      t.ok(perSecond >= 0.9 * peak, `${perSecond} of ${peak} a second`);
      t.ok(most(limits) <= Math.max(16, slots * 3), `limit up to ${most(limits)}`);
      answerMs.sort((a, b) => a - b);
      t.ok(
        answerMs[answerMs.length >> 1]! <= Math.max(serviceMs * 8, 10),
        `median ${answerMs[answerMs.length >> 1]} ms`,
      );
    },
  );
}

t.test('without load the limit does not run away', async (t) => {
  const { limits } = simulate({
    slots: 1000,
    serviceMs: () => 5,
    seconds: 60,
    patienceMs: 100,
    arrivalsPerSecond: 400,
  });
  t.ok(most(limits) <= 40, `limit up to ${most(limits)}`);
});

t.test('a server that becomes slower for good is measured anew', async (t) => {
  const { perSecond } = simulate({
    slots: 8,
    serviceMs: (now) => (now < 30_000 ? 10 : 40),
    seconds: 240,
    patienceMs: 200,
    arrivalsPerSecond: 600,
  });
  t.ok(perSecond >= 0.9 * 200, `${perSecond} of 200 a second`);
});

t.test('a server that answers nothing leaves the limit where it is', async (t) => {
  const limit = new AdaptiveLimit(() => 0.5, 0);
  for (let now = 0; now < 120_000; now += TICK_MS) limit.tick(now);
  t.equal(limit.most, 3);
});
