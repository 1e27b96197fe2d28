import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import t from 'tap';
import type { HttpCheckConfig } from '../../../config/config.ts';
import { type Clock, systemClock } from '../../../lb/clock.ts';
import { HealthChecker } from '../../../lb/health/health-checker.ts';
import { type ProbeResult, probe } from '../../../lb/health/probe.ts';
import { nextVerdict, UNKNOWN, type Verdict } from '../../../lb/health/verdict.ts';
import { LeasePool } from '../../../lb/source/lease-pool.ts';
import { FakeClock } from '../../fixtures/fake-clock.ts';
import { startFullBacklogServer } from '../../fixtures/full-backlog-server.ts';
import { startRawServer } from '../../fixtures/raw-server.ts';

const LIMITS = { rise: 2, fall: 3 };
const HEALTH = { intervalMs: 1000, fastIntervalMs: 200, jitterPercent: 10, timeoutMs: 100, ...LIMITS };
const http200 = (path: string, body?: string): HttpCheckConfig => ({
  method: 'GET',
  path,
  statuses: [[200, 399]],
  ...(body === undefined ? {} : { body }),
});

/** Lets the promises that are settled run on. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** One block of one address, as the health checks own it. */
function leasePool(clock: Clock, address: string): LeasePool {
  const leases = new LeasePool(
    { clock },
    {
      pool: {
        name: 'p',
        addresses: [address],
        claim: false,
        interface: 'lo',
        ports: { low: 24_000, high: 24_127 },
        reservedPorts: 'avoid',
        strategy: 'most-free',
        exhaustion: { queue: 0, timeoutMs: 0, warnMs: 1 },
      },
      quarantineMs: 0,
      onLow: () => {},
    },
  );
  leases.grant([{ pool: 'p', address, firstPort: 24_000, lastPort: 24_127 }]);
  return leases;
}

t.test('rise and fall', async (t) => {
  // + a pass, - a failure; upper case where the server is healthy after it.
  const run = (probes: string): string => {
    let verdict: Verdict = UNKNOWN;
    return [...probes]
      .map((probe) => {
        verdict = nextVerdict(verdict, probe === '+', LIMITS);
        return verdict.isHealthy ? 'U' : 'd';
      })
      .join('');
  };
  t.equal(run('+'), 'U', 'the first probe decides');
  t.equal(run('-'), 'd');
  t.equal(run('+--+--+---'), 'UUUUUUUUUd', 'only failures in a row count');
  t.equal(run('-+-++'), 'ddddU');
});

t.test('the checker probes on time, one at a time, and tells of changes alone', async (t) => {
  const clock = new FakeClock();
  const verdicts: string[] = [];
  let answer: (result: ProbeResult) => void = () => {};
  let probes = 0;
  const checker = new HealthChecker(
    {
      clock,
      random: () => 0.5,
      probe: () => {
        probes++;
        return new Promise((resolve) => {
          answer = resolve;
        });
      },
      onVerdict: (isHealthy, reason) => verdicts.push(`${isHealthy ? 'up' : 'down'}: ${reason}`),
    },
    { health: HEALTH, host: '127.0.0.1', port: 1 },
  );
  const finish = async (result: ProbeResult): Promise<void> => {
    answer(result);
    await turn();
  };
  checker.start();
  t.equal(probes, 1, 'at once');
  clock.advance(5000);
  t.equal(probes, 1, 'not while one is under way');
  await finish({ outcome: 'inconclusive', reason: 'EMFILE' });
  t.same(verdicts, [], 'a shortage of this host says nothing');
  for (const [delayMs, outcome] of [
    [200, 'passed'],
    [500, 'failed'],
    [200, 'failed'],
    [200, 'inconclusive'],
    [200, 'failed'],
    [1000, 'passed'],
    [200, 'passed'],
  ] as const) {
    clock.advance(delayMs - 1);
    const before = probes;
    clock.advance(1);
    t.equal(probes, before + 1);
    await finish(outcome === 'passed' ? { outcome } : { outcome, reason: 'why' });
  }
  t.same(verdicts, ['up: passed', 'down: why', 'up: passed']);
  checker.stop();
  checker.stop();
  t.equal(clock.pending, 0);
});

t.test('checks come sooner while nothing is known, and while they speak against what is', async (t) => {
  const clock = new FakeClock();
  const outcomes: ProbeResult['outcome'][] = [];
  const delays: number[] = [];
  let probedAtMs = 0;
  const checker = new HealthChecker(
    {
      clock,
      random: () => 0.5,
      probe: async () => {
        delays.push(clock.now() - probedAtMs);
        probedAtMs = clock.now();
        const outcome = outcomes.shift() ?? 'passed';
        return outcome === 'passed' ? { outcome } : { outcome, reason: 'x' };
      },
      onVerdict: () => {},
    },
    { health: HEALTH, host: '127.0.0.1', port: 1 },
  );
  outcomes.push('inconclusive', 'inconclusive', 'passed', 'passed', 'failed', 'failed', 'failed', 'failed', 'passed');
  checker.start();
  while (delays.length < 11) {
    await turn();
    clock.advance(100);
  }
  t.same(delays, [0, 200, 200, 500, 1000, 200, 200, 1000, 1000, 200, 1000]);
  checker.stop();
});

t.test('a checker that is started again while a probe is under way has one at a time all the same', async (t) => {
  const clock = new FakeClock();
  const answers: ((result: ProbeResult) => void)[] = [];
  const verdicts: boolean[] = [];
  const checker = new HealthChecker(
    {
      clock,
      random: () => 0.5,
      probe: () => new Promise((resolve) => answers.push(resolve)),
      onVerdict: (isHealthy) => verdicts.push(isHealthy),
    },
    { health: HEALTH, host: '127.0.0.1', port: 1 },
  );
  checker.start();
  checker.stop();
  checker.start();
  t.equal(answers.length, 1);
  answers[0]!({ outcome: 'passed' });
  await turn();
  t.same(verdicts, [true]);
  t.equal(clock.pending, 1);
  clock.advance(5000);
  t.equal(answers.length, 2);
  checker.stop();
  answers[1]!({ outcome: 'failed', reason: 'x' });
  await turn();
  t.equal(clock.pending, 0, 'stopped for good');
});

t.test('all servers are probed at the start, and spread over the interval from then on', async (t) => {
  const clock = new FakeClock();
  let probes = 0;
  const checkers = Array.from({ length: 100 }, (_, i) => {
    const drawn = (i * 37) % 100;
    return new HealthChecker(
      {
        clock,
        random: () => (drawn + 0.5) / 100,
        probe: async () => {
          probes++;
          return { outcome: 'passed' };
        },
        onVerdict: () => {},
      },
      { health: HEALTH, host: '127.0.0.1', port: i },
    );
  });
  for (const checker of checkers) checker.start();
  t.equal(probes, 100);
  await turn();
  for (let tenth = 0; tenth < 10; tenth++) {
    probes = 0;
    clock.advance(tenth === 0 ? 99 : 100);
    await turn();
    t.equal(probes, 10, `tenth ${tenth}`);
  }
  for (const checker of checkers) checker.stop();
});

t.test('a probe keeps its deadline towards a host that drops SYNs', async (t) => {
  const server = await startFullBacklogServer();
  t.teardown(() => server.close());
  const clock = new FakeClock();
  const leases = leasePool(clock, '127.0.1.10');
  const result = probe(
    { clock, leases },
    { host: '127.0.0.1', port: server.port, http: http200('/'), timeoutMs: 1000 },
  );
  clock.advance(999);
  t.equal(clock.pending, 1);
  clock.advance(1);
  t.same(await result, { outcome: 'failed', reason: 'no answer in 1000 ms' });
  t.match(leases.counts(), [{ used: 0, free: 128 }], 'its port came back');
});

t.test('a probe tries the next port when another program holds one', async (t) => {
  const server = http.createServer((_, response) => response.end()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const clock = new FakeClock();
  const leases = leasePool(clock, '127.0.1.11');
  const squatters: http.Server[] = [];
  for (const port of [24_000, 24_001]) {
    const squatter = http.createServer().listen(port, '127.0.1.11');
    await once(squatter, 'listening');
    squatters.push(squatter);
  }
  t.teardown(() => {
    for (const squatter of squatters) squatter.close();
  });
  const { port } = server.address() as AddressInfo;
  t.same(await probe({ clock, leases }, { host: '127.0.0.1', port, http: http200('/'), timeoutMs: 1000 }), {
    outcome: 'passed',
  });
  t.match(leases.counts(), [{ used: 0, unusable: 2 }]);
  t.equal(clock.pending, 0);
});

t.test('probes of real servers', async (t) => {
  const leases = leasePool(systemClock, '127.0.1.9');
  const server = http
    .createServer((request, response) => {
      response.statusCode = Number(request.url?.slice(1));
      response.end(`${request.socket.remoteAddress}`);
    })
    .listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  const run = (target: number, path?: string, timeoutMs = 2000, body?: string) =>
    probe(
      { clock: systemClock, leases },
      { host: '127.0.0.1', port: target, timeoutMs, ...(path === undefined ? {} : { http: http200(path, body) }) },
    );
  t.same(await run(port), { outcome: 'passed' }, 'a connection is enough without a path');
  t.same(await run(port, '/200'), { outcome: 'passed' });
  t.same(await run(port, '/302'), { outcome: 'passed' });
  t.same(await run(port, '/503'), { outcome: 'failed', reason: 'status 503' });
  const raw = async (text: string, end: boolean) => {
    const scripted = await startRawServer((socket) => {
      socket.write(text);
      if (end) socket.end();
    });
    const result = await run(scripted.port, '/', 150);
    await scripted.close();
    return result;
  };
  t.same(await raw('SSH-2.0-OpenSSH\r\n', false), { outcome: 'failed', reason: 'not an HTTP answer' });
  t.same(await raw('HTTP/1.1 ', true), { outcome: 'failed', reason: 'closed without an answer' });
  t.same(await raw('HTTP/1.1 2', false), { outcome: 'failed', reason: 'no answer in 150 ms' });
  t.same(
    await raw('HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\n\r\n', false),
    { outcome: 'passed' },
    'the answer is the one after an interim one',
  );
  const resetting = await startRawServer((socket) => socket.resetAndDestroy());
  t.same(await run(resetting.port, '/'), { outcome: 'failed', reason: 'ECONNRESET' });
  await resetting.close();
  t.same(await run(port, '/200', 2000, '127.0.1.9'), { outcome: 'passed' }, 'the body says what it should');
  t.match(await run(port, '/200', 2000, 'ready'), { outcome: 'failed', reason: /body does not contain/ });
  server.closeAllConnections();
  server.close();
  t.match(await run(port), { outcome: 'failed', reason: 'ECONNREFUSED' });
  t.match(
    leases.counts().map(({ used }) => used),
    leases.counts().map(() => 0),
    'every lease came back',
  );

  // Another program holds every port of the pool: that is not the server's fault.
  const squatters = await Promise.all(
    Array.from({ length: 128 }, (_, i) => {
      const squatter = http.createServer().listen(24_000 + i, '127.0.1.9');
      return new Promise<http.Server>((resolve) => squatter.once('listening', () => resolve(squatter)));
    }),
  );
  t.match(await run(port), { outcome: 'inconclusive', reason: 'EADDRINUSE' });
  for (const squatter of squatters) squatter.close();
});
