import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { haproxyDirectory } from '../../src/haproxy-files.ts';
import { HaproxyProcess } from '../../src/haproxy-process.ts';
import { endStrayHaproxy } from '../../src/stray-haproxy.ts';
import { FakeClock } from '../fixtures/fake-clock.ts';

/** An HAProxy that says what it hears, and obeys when the second of a kind comes, as one does that loses a signal while it starts. */
const DEAF = `#!${process.execPath}
const heard = { SIGUSR1: 0, SIGTERM: 0 };
for (const signal of Object.keys(heard)) process.on(signal, () => {
  process.stderr.write('[ALERT]    (1) : ' + signal + '\\n', () => {
    if (++heard[signal] === Number(process.env.OBEYS)) process.exit(0);
  });
});
setInterval(() => {}, 1000);
process.stderr.write('[ALERT]    (1) : started\\n');
`;

interface Tap {
  teardown(run: () => unknown): void;
  same(found: unknown, wanted: unknown): unknown;
}

function folder(tap: Tap): string {
  const directory = mkdtempSync(join(tmpdir(), 'portico-haproxy-'));
  tap.teardown(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

function deaf(directory: string): string {
  const command = join(directory, 'deaf');
  writeFileSync(command, DEAF);
  chmodSync(command, 0o755);
  return command;
}

async function start(tap: Tap, obeys: number) {
  process.env.OBEYS = String(obeys);
  const directory = folder(tap);
  const clock = new FakeClock();
  const lines: string[] = [];
  let onLine = (): void => {};
  const haproxy = new HaproxyProcess({
    clock,
    random: () => 0.5,
    command: deaf(directory),
    directory: join(directory, 'run'),
    onDeath: () => {},
    onUp: () => {},
    onAlert: (line) => {
      lines.push(line);
      onLine();
    },
  });
  haproxy.files.prepare();
  const says = async (...wanted: readonly string[]): Promise<void> => {
    while (lines.length < wanted.length)
      await new Promise<void>((resolve) => {
        onLine = resolve;
      });
    tap.same(lines, wanted);
  };
  await haproxy.start();
  await says('started');
  return { clock, haproxy, says };
}

t.test('one that drains is asked until it is gone', async (t) => {
  const { clock, haproxy, says } = await start(t, 2);
  const drained = haproxy.drain();
  await says('started', 'SIGUSR1');
  clock.advance(1000);
  await drained;
  await says('started', 'SIGUSR1', 'SIGUSR1');
  t.notOk(existsSync(haproxy.files.directory));
});

t.test('one that does not drain is told to end, and killed', async (t) => {
  const { clock, haproxy, says } = await start(t, 9);
  void haproxy.drain();
  await says('started', 'SIGUSR1');
  const { pid } = haproxy;
  const stopped = haproxy.stop();
  await says('started', 'SIGUSR1', 'SIGTERM');
  clock.advance(2000);
  await stopped;
  t.throws(() => process.kill(pid!, 0), { code: 'ESRCH' });
  await says('started', 'SIGUSR1', 'SIGTERM');
});

t.test('a stray one is asked until it is gone, and told to end after a while', async (t) => {
  const runtime = folder(t);
  const directory = haproxyDirectory(runtime);
  mkdirSync(directory);
  const child = spawn(deaf(runtime), ['-f', join(directory, 'haproxy.cfg')], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { OBEYS: '2' },
  });
  t.teardown(() => child.kill('SIGKILL'));
  const exited = once(child, 'exit');
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text.replaceAll(/\[ALERT\].*: /g, '').replaceAll('\n', ' ');
  });
  const says = async (wanted: string): Promise<void> => {
    while (said.trim() !== wanted) await once(child.stderr, 'data');
  };
  await says('started');
  writeFileSync(join(directory, 'haproxy.pid'), `${child.pid}\n`);
  const clock = new FakeClock();
  t.ok(endStrayHaproxy(clock, runtime, 1000));
  await says('started SIGUSR1');
  t.notOk(existsSync(directory), 'keys are gone at once');
  clock.advance(1000);
  await says('started SIGUSR1 SIGTERM');
  clock.advance(1000);
  t.equal((await exited)[0], 0);
  clock.advance(2000);
  t.notOk(endStrayHaproxy(clock, runtime, 1000), 'once');
});
