import http from 'node:http';
import type { AddressInfo } from 'node:net';
import t from 'tap';
import type { PlaneEvent } from '../../../lb/control/messages.ts';
import { type MemoryLevel, memoryLevel } from '../../../lb/pressure/memory-level.ts';
import { RawClient } from '../../fixtures/raw-client.ts';
import { type RunningPlane, startPlane } from '../../fixtures/running-plane.ts';

t.test('levels', async (t) => {
  const after = (level: MemoryLevel, percent: number): MemoryLevel => memoryLevel(level, percent, 100);
  t.equal(after('normal', 84), 'normal');
  t.equal(after('normal', 85), 'thrifty');
  t.equal(after('thrifty', 81), 'thrifty', 'a level ends below where it began');
  t.equal(after('thrifty', 80), 'normal');
  t.equal(after('normal', 95), 'shedding');
  t.equal(after('shedding', 91), 'shedding');
  t.equal(after('shedding', 90), 'thrifty');
  t.equal(after('shedding', 50), 'normal');
  t.equal(memoryLevel('normal', 1e12, Number.POSITIVE_INFINITY), 'normal');
});

const REQUEST = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

async function until(test: () => boolean): Promise<void> {
  while (!test()) await new Promise((resolve) => setImmediate(resolve));
}

const told = (plane: RunningPlane): PlaneEvent[] => plane.events.filter(({ type }) => type === 'pressure');

t.test('with its memory nearly used up a plane takes no clients, then no requests, and comes back', async (t) => {
  const waiting: http.ServerResponse[] = [];
  const server = http.createServer((request, response) => {
    if (request.url === '/slow') waiting.push(response);
    else response.end('served');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  let residentBytes = 100;
  let collected = 0;
  const plane = startPlane({
    servers: [{ port: (server.address() as AddressInfo).port }],
    // Four fifths of it are 1000.
    limits: { machineBytes: 1250, residentBytes: () => residentBytes, collectGarbage: () => collected++ },
  });
  t.teardown(() => plane.stop());
  const idle = new RawClient(plane.port).send(REQUEST);
  await idle.until((text) => text.includes('served'));
  const slow = new RawClient(plane.port).send(REQUEST.replace('/', '/slow'));
  const busy = new RawClient(plane.port).send(REQUEST.replace('/', '/slow'));
  await until(() => waiting.length === 2);

  residentBytes = 860;
  await idle.closed();
  t.ok(plane.metrics().pressure!.isHeld);
  t.equal(collected, 1);
  const late = new RawClient(plane.port).send(REQUEST);
  waiting[0]!.end('in time');
  t.match(await slow.closed(), /connection: close[\s\S]*in time/i, 'who has a request gets the answer');

  // A client that the plane has, with a request that comes later.
  residentBytes = 100;
  await until(() => late.received.includes('served'));
  residentBytes = 960;
  await until(() => told(plane).length >= 2);
  const before = late.received;
  await late.closed();
  t.equal(late.received, before, 'it was idle, and is closed');
  waiting[1]!.end('in time');
  t.match(await busy.closed(), /in time/, 'what is under way is finished');
  t.same(plane.metrics().pressure!.holds.find(({ reason }) => reason === 'memory')?.count, 2);

  residentBytes = 100;
  await until(() => !plane.metrics().pressure!.isHeld);
  const after = new RawClient(plane.port).send(REQUEST);
  await after.until((text) => text.includes('served'));
  after.close();
  await plane.drain(1000);
});

t.test('requests are refused while memory is all but used up', async (t) => {
  const server = http.createServer((_, response) => response.end('served'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  let residentBytes = 100;
  const plane = startPlane({
    servers: [{ port: (server.address() as AddressInfo).port }],
    limits: { machineBytes: 1250, residentBytes: () => residentBytes },
  });
  t.teardown(() => plane.stop());
  // Half a request is no idle connection.
  const client = new RawClient(plane.port);
  await until(() => plane.metrics().listeners[0]!.connections === 1);
  residentBytes = 960;
  await until(() => plane.metrics().pressure!.isHeld);
  t.match(await client.send(REQUEST).closed(), /^HTTP\/1\.1 503 [\s\S]*Retry-After: 1\r\n[\s\S]*Connection: close/);
  t.same(plane.metrics().listeners[0]!.rejected, [{ reason: 'memory', count: 1 }]);
  t.match(told(plane), [{ pressure: { reason: 'memory', isShedding: true, limitBytes: 1000 } }]);
  await plane.drain(1000);
});

t.test('who takes nothing of an answer goes while memory is all but used up; who reads stays', async (t) => {
  const body = Buffer.alloc(32 << 20, 'x');
  const server = http.createServer((_, response) => response.end(body));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  let residentBytes = 100;
  const plane = startPlane({
    servers: [{ port: (server.address() as AddressInfo).port }],
    limits: { machineBytes: 1250, residentBytes: () => residentBytes },
  });
  t.teardown(() => plane.stop());
  const ask = (): Promise<http.IncomingMessage> =>
    new Promise((resolve, reject) => {
      http.get({ port: plane.port, host: '127.0.0.1', agent: false }, resolve).on('error', reject);
    });
  // Its answer is begun, and then not read.
  const slow = await ask();
  const cut = new Promise((resolve) => slow.on('error', resolve));
  const reader = await ask();
  let read = 0;
  const whole = new Promise((resolve) => reader.on('end', resolve));
  residentBytes = 960;
  // Some at a time, as long as the other one waits.
  reader.on('data', (data: Buffer) => {
    read += data.length;
    if (rejected() > 0) return;
    reader.pause();
    setImmediate(() => reader.resume());
  });
  const rejected = (): number =>
    plane.metrics().listeners[0]!.rejected.find(({ reason }) => reason === 'slow-reader-relief')?.count ?? 0;
  await until(() => rejected() > 0);
  slow.resume();
  t.match(await cut, { code: 'ECONNRESET' });
  await whole;
  t.same([read, rejected()], [body.length, 1]);
  residentBytes = 100;
  await until(() => !plane.metrics().pressure!.isHeld);
  await plane.drain(1000);
});
