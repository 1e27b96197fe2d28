import { mkdtempSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { Audit } from '../../admin/events/audit.ts';
import { AuditFile } from '../../admin/events/audit-file.ts';
import { EventFeed } from '../../admin/events/event-feed.ts';
import { adminAppOf } from '../fixtures/admin-app.ts';
import { EventReader } from '../fixtures/event-reader.ts';
import { FakeAdminSource, planeMetrics } from '../fixtures/fake-admin-source.ts';
import { FakeClock } from '../fixtures/fake-clock.ts';

type Tap = { teardown(fn: () => unknown): void };

const folder = mkdtempSync(join(tmpdir(), 'portico-events-'));
t.teardown(() => rmSync(folder, { recursive: true }));

async function start(t: Tap, write?: (line: string) => Promise<void>) {
  const source = new FakeAdminSource();
  const clock = new FakeClock();
  const events = new EventFeed({ epochMs: () => Date.UTC(2026, 0, 2) });
  const app = adminAppOf(source, { clock, events, audit: new Audit({ feed: events, write }) });
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  const readers: EventReader[] = [];
  t.teardown(async () => {
    for (const reader of readers) reader.close();
    await app.close();
  });
  const read = (query = '', headers: Record<string, string> = {}): EventReader => {
    const reader = new EventReader(`${url}/api/v1/events${query}`, headers);
    readers.push(reader);
    return reader;
  };
  const tell = (message: string) => events.append({ type: 'server', severity: 'info', message, data: { server: 's' } });
  return { source, clock, events, app, url, read, tell };
}

/** Resolves when the server has put its head on the way. */
const opened = (reader: EventReader) => reader.until(({ status }) => (status === 0 ? undefined : status));

t.test('events arrive as they happen, and after a break from where it was', async (t) => {
  const { read, tell, events } = await start(t);
  const reader = read();
  t.equal(await opened(reader), 200);
  t.match(reader.headers, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
  const one = tell('one');
  t.strictSame(await reader.first('server'), { id: one.id, event: 'server', data: one });
  reader.close();
  const two = tell('two');
  events.append({ type: 'alarm', severity: 'error', message: 'three', data: {} });
  const again = read('', { 'last-event-id': one.id });
  await again.first('alarm');
  t.strictSame(
    again.events.map(({ event, data }) => [event, (data as { message: string }).message]),
    [
      ['server', 'two'],
      ['alarm', 'three'],
    ],
  );
  const stranger = read('?types=server', { 'last-event-id': 'other.7' });
  await stranger.until(({ events }) => events.find(({ id }) => id === two.id));
  t.strictSame(
    stranger.events.map(({ event, id }) => [event, id]),
    [
      ['gap', undefined],
      ['server', one.id],
      ['server', two.id],
    ],
    'of an earlier run: all there is, and that some may be missing',
  );
});

t.test('the status, once a second, only while somebody looks', async (t) => {
  const { source, clock, read } = await start(t);
  const reader = read('?types=status');
  await opened(reader);
  while (source.collections === 0) await new Promise(setImmediate);
  source.current = { planes: new Map([['plane-1', planeMetrics(3)]]), retired: undefined, isComplete: true };
  await new Promise(setImmediate);
  clock.advance(1000);
  const { data, id } = await reader.first('status');
  t.equal(id, undefined, 'it is nothing to go on from');
  t.match(data, {
    time: '2026-01-02T00:00:00.000Z',
    uptime_seconds: 5,
    ready: true,
    connections: 6,
    websockets: 3,
    connections_per_second: 20,
    requests_per_second: 16,
    errors_per_second: 2,
    bytes_in_per_second: 200,
    retries_per_second: 2,
    exhausted_per_second: 2,
    listeners: [{ name: 'web', connections: 6, requests_per_second: 16 }],
    backends: [{ name: 'app', servers: 1, available: 1, active: 3, idle: 6, errors_per_second: 2 }],
    planes: [{ id: 'plane-1', ready: true, cpu: 0, resident_bytes: 1000 }],
    ports: { used: 3, quarantined: 3, first_to_run_out: null },
  });
  // 10 of 16 took up to 1 ms, 4 up to 100 ms, 2 longer.
  t.equal((data as { p50_seconds: number }).p50_seconds, 0.0008);
  t.equal((data as { p99_seconds: number }).p99_seconds, 0.1);
  reader.close();
  while (clock.pending > 0) await new Promise(setImmediate);
  t.equal(clock.pending, 0, 'nothing is asked for nobody');
});

t.test('a quiet stream has a heartbeat', async (t) => {
  const { clock, read } = await start(t);
  const reader = read('?types=alarm');
  await opened(reader);
  clock.advance(15_000);
  t.equal(await reader.until(({ comments }) => (comments > 0 ? comments : undefined)), 1);
  reader.close();
  while (clock.pending > 0) await new Promise(setImmediate);
});

t.test('a client that does not read is cut off, the others are not', async (t) => {
  const { url, events, read } = await start(t);
  const slow = net.connect(Number(new URL(url).port), '127.0.0.1');
  slow.on('error', () => {});
  slow.write('GET /api/v1/events?types=alarm HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await new Promise((resolve) => slow.once('data', resolve));
  slow.pause();
  const good = read('?types=alarm');
  await opened(good);
  const closed = new Promise((resolve) => slow.once('close', resolve));
  const blob = 'x'.repeat(100_000);
  // The kernel's buffers take a few megabytes; 64 are more than they and the limit.
  let sent = 0;
  for (; sent < 640; sent++) {
    events.append({ type: 'alarm', severity: 'info', message: `${sent}`, data: { blob } });
    await good.until(({ events }) => (events.length > sent ? true : undefined));
  }
  slow.resume();
  await closed;
  t.equal(good.events.length, sent);
});

t.test('there are only so many streams', async (t) => {
  const { read } = await start(t);
  const readers = Array.from({ length: 256 }, () => read('?types=alarm'));
  await Promise.all(readers.map(opened));
  const late = read();
  t.equal(await opened(late), 503);
  t.equal(late.headers['retry-after'], '10');
  readers[0]!.close();
  for (;;) {
    const next = read();
    if ((await opened(next)) === 200) break;
  }
});

t.test('history, page by page', async (t) => {
  const { app, tell, events } = await start(t);
  const get = async (query: string) => {
    const answer = await app.inject({ url: `/api/v1/events/history${query}`, headers: { host: 'localhost' } });
    return { status: answer.statusCode, body: answer.json() as { events: { message: string }[]; next: string | null } };
  };
  for (const message of 'abcde') tell(message);
  events.append({ type: 'alarm', severity: 'error', message: 'f', data: { kind: 'x' } });
  const names = (body: { events: { message: string }[] }): string => body.events.map(({ message }) => message).join('');
  const all = await get('');
  t.equal(names(all.body), 'fedcba');
  t.equal(all.body.next, null);
  t.match(all.body.events[0], { type: 'alarm', data: { kind: 'x' }, time: '2026-01-02T00:00:00.000Z' });
  const page = await get('?types=server&limit=2');
  t.equal(names(page.body), 'ed');
  t.equal(names((await get(`?types=server&limit=3&before=${page.body.next}`)).body), 'cba');
  for (const query of ['?limit=0', '?limit=1001', '?types=A', '?x=1']) t.equal((await get(query)).status, 400, query);
});

t.test('a change is an event and a line in the log', async (t) => {
  const file = join(folder, 'audit.log');
  const { app, read } = await start(t, new AuditFile(file).write);
  const reader = read('?types=change');
  await opened(reader);
  const patch = () =>
    app.inject({
      method: 'PATCH',
      url: '/api/v1/backends/app/servers/127.0.0.1:1',
      headers: { host: 'localhost' },
      payload: { weight: 3 },
    });
  t.equal((await patch()).statusCode, 200);
  const { data } = await reader.first('change');
  const change = {
    who: 'anyone',
    role: 'admin',
    from: '127.0.0.1',
    action: 'server.change',
    target: 'app/127.0.0.1:1',
    before: { state: 'ready', weight: 1, backup: false },
    after: { state: 'ready', weight: 1, backup: false },
    kept: false,
  };
  t.match(data, { type: 'change', data: change });
  const line = JSON.parse(readFileSync(file, 'utf8')) as object;
  t.match(line, { ...change, time: '2026-01-02T00:00:00.000Z', id: (data as { id: string }).id });
  t.equal(statSync(file).mode & 0o007, 0, 'nothing for everyone');
  renameSync(file, `${file}.1`);
  await Promise.all([patch(), patch(), patch()]);
  t.equal(readFileSync(file, 'utf8').trim().split('\n').length, 3, 'moved away: it goes on in a new one');
});

t.test('a log that cannot be written is an alarm, and the change stands', async (t) => {
  const { app, events } = await start(t, new AuditFile(join(folder, 'nowhere', 'audit.log')).write);
  const answer = await app.inject({
    method: 'DELETE',
    url: '/api/v1/sources/default/addresses/127.0.1.1',
    headers: { host: 'localhost' },
  });
  t.equal(answer.statusCode, 202);
  t.match(events.before(undefined, 2), [
    { type: 'alarm', severity: 'error', data: { kind: 'audit-log', reason: /ENOENT/ } },
    { type: 'change', data: { action: 'source.drain' } },
  ]);
});
