import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { systemClock } from '../../../lb/clock.ts';
import { type HaproxySocketError, RuntimeSocket } from '../../../lb/haproxy/runtime-socket.ts';

t.test('commands, complaints, and what can be wrong with a socket', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'portico-haproxy-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  const path = join(directory, 'runtime.sock');
  const socket = new RuntimeSocket(systemClock, path);
  const codeOf = (promise: Promise<unknown>): Promise<string | undefined> =>
    promise.then(
      () => undefined,
      (error: HaproxySocketError) => `${error.code}: ${error.message}`,
    );
  t.equal(await codeOf(socket.ask('show info')), `ENOENT: HAProxy does not listen at its socket ${path}`);
  const lines: string[] = [];
  const server = net.createServer({ allowHalfOpen: true }, (connection) => {
    connection.setEncoding('utf8').on('data', (data) => lines.push(String(data)));
    connection.on('end', () => connection.end('\nNew server registered.\n\nNo such server.\n\n'));
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  t.teardown(() => server.close());
  t.same(await socket.tell(['add server a/b', 'set server a/c weight 1']), ['No such server.']);
  t.same(lines, ['add server a/b; set server a/c weight 1\n']);
  const many = Array.from({ length: 1000 }, (_, i) => `set server be_app_http/10.0.0.1:80_10.0.0.2_${i} weight 1`);
  await socket.tell(many);
  const sent = lines.slice(1).join('');
  t.equal(
    sent.split(/[;\n]/).filter((part) => part.trim() !== '').length,
    many.length,
    'none is lost over several lines',
  );
  if (process.getuid!() === 0) return;
  chmodSync(path, 0);
  t.match(await codeOf(socket.ask('show info')), /EACCES: permission denied at HAProxy's socket/);
});
