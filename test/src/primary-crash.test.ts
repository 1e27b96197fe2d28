import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { getText } from '../fixtures/get-text.ts';
import { KeptLoad } from '../fixtures/kept-load.ts';
import { freePorts, killSurvivors, PorticoProcess, writeConfig } from '../fixtures/portico-process.ts';

interface Process {
  readonly id: string;
  readonly pid: number;
  readonly ready: boolean;
}

interface Status {
  readonly ready: boolean;
  readonly planes: readonly Process[];
  readonly workers: readonly Process[];
  readonly ports: readonly { readonly used: number }[];
}

const KILLS = 3;

async function prepare(t: Test, extra = '') {
  const [port, admin] = await freePorts();
  const file = writeConfig(`
planes: 2
drain_timeout: 3s
heartbeat: 2s
admin: { listen: "127.0.0.1:${admin}" }
listeners: [{ name: web, bind: "127.0.0.1:${port}", backend: app }]
backends:
  - name: app
    health: { path: /healthz, interval: 200ms }
    workers: { module: builtin:echo, count: 2 }
${extra}`);
  const runtime = mkdtempSync(join(tmpdir(), 'portico-run-'));
  t.teardown(() => {
    killSurvivors(runtime);
    rmSync(runtime, { recursive: true, force: true });
  });
  const start = async (): Promise<PorticoProcess> => {
    const portico = new PorticoProcess(['run', '-c', file], undefined, { RUNTIME_DIRECTORY: runtime });
    t.teardown(() => portico.child.kill('SIGKILL'));
    await portico.until(/Portico is running\./);
    return portico;
  };
  const status = async (): Promise<Status> => JSON.parse((await getText(admin, '/api/v1/status')).body) as Status;
  const requests = async (): Promise<number> => {
    const { body } = await getText(admin, '/metrics');
    return [...body.matchAll(/^portico_requests_total\{.*\} (\d+)$/gm)].reduce(
      (sum, [, count]) => sum + Number(count),
      0,
    );
  };
  return { port, admin, file, runtime, start, status, requests };
}

async function kill(portico: PorticoProcess): Promise<void> {
  portico.child.kill('SIGKILL');
  await new Promise((resolve) => portico.child.once('exit', resolve));
}

/** One whose parent has died may stay as a zombie, where the first process of the machine does not collect them. */
function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

const pids = (processes: readonly Process[]): number[] => processes.map(({ pid }) => pid);

t.test('the primary is killed again and again under load, and no request notices', async (t) => {
  const { port, start, status, requests } = await prepare(t);
  let portico = await start();
  const before = await status();
  const load = new KeptLoad(port, 8);
  for (let i = 0; i < KILLS; i++) {
    await load.some(200);
    const counted = await requests();
    await kill(portico);
    await load.some(200);
    portico = await start();
    const after = await status();
    t.same(pids(after.planes), pids(before.planes), 'the planes go on');
    t.same(pids(after.workers), pids(before.workers), 'the workers go on');
    t.equal(after.ready, true);
    t.ok((await requests()) >= counted + 200, 'counters survive');
  }
  await load.stop();
  t.same(load.failures, []);
  for (;;) if ((await status()).ports.every(({ used }) => used <= 2)) break;
  portico.child.kill('SIGTERM');
  await new Promise((resolve) => portico.child.once('exit', resolve));
  for (const pid of [...pids(before.planes), ...pids(before.workers)]) {
    t.notOk(isRunning(pid), `process ${pid}`);
  }
});

t.test('a primary with another config replaces the planes without a failed request', async (t) => {
  const { port, file, start, status } = await prepare(t);
  const first = await start();
  const before = await status();
  const load = new KeptLoad(port, 8);
  await load.some(200);
  await kill(first);
  await load.some(200);
  const text = `# changed\nplanes: 3\n${readFileSync(file, 'utf8').replace('planes: 2\n', '')}`;
  writeFileSync(file, text.replace('interval: 200ms', 'interval: 300ms'));
  const second = await start();
  const after = await status();
  t.equal(after.planes.length, 3);
  for (const pid of pids(before.planes)) t.notOk(pids(after.planes).includes(pid), 'another plane');
  await second.until(/plane-1 \(process \d+\) of an earlier run has finished/);
  await second.until(/plane-2 \(process \d+\) of an earlier run has finished/);
  await load.some(200);
  await load.stop();
  t.same(load.failures, []);
  second.child.kill('SIGTERM');
  await new Promise((resolve) => second.child.once('exit', resolve));
});

t.test('a plane that is stopped, or that dies while there is no primary, is replaced', async (t) => {
  const { port, start, status } = await prepare(t);
  const first = await start();
  const before = await status();
  process.kill(before.planes[0]!.pid, 'SIGSTOP');
  await first.until(/plane-1 does not answer and is killed/);
  await first.until(/plane-1 died \(SIGKILL\)[\s\S]*plane-1 accepts/);
  const replaced = await status();
  t.not(replaced.planes[0]!.pid, before.planes[0]!.pid);
  t.equal(replaced.planes[1]!.pid, before.planes[1]!.pid);
  // One is stopped and one is gone when the next primary comes.
  process.kill(replaced.planes[0]!.pid, 'SIGSTOP');
  await kill(first);
  process.kill(replaced.workers[0]!.pid, 'SIGKILL');
  const second = await start();
  t.match(second.stderr, /plane-1 \(process \d+\) of an earlier run did not answer and was killed/);
  const after = await status();
  t.equal(after.planes[1]!.pid, before.planes[1]!.pid);
  t.notOk(isRunning(replaced.planes[0]!.pid));
  t.equal((await getText(port, '/')).status, 200);
  second.child.kill('SIGTERM');
  await new Promise((resolve) => second.child.once('exit', resolve));
});

t.test('without a primary, planes end when they are told to', async (t) => {
  const { port, start, status } = await prepare(t);
  const portico = await start();
  const { planes, workers } = await status();
  await kill(portico);
  t.equal((await getText(port, '/')).status, 200, 'served all the same');
  for (const pid of [...pids(planes), ...pids(workers)]) process.kill(pid, 'SIGTERM');
  for (;;) {
    const error = await getText(port, '/').catch((cause: NodeJS.ErrnoException) => cause);
    if ('code' in error && error.code === 'ECONNREFUSED') break;
  }
  t.pass('nobody listens any more');
});

t.test('with outlive_primary: 0 nothing goes on', async (t) => {
  const { port, start } = await prepare(t, 'outlive_primary: 0\n');
  const portico = await start();
  await kill(portico);
  for (;;) {
    const error = await getText(port, '/').catch((cause: NodeJS.ErrnoException) => cause);
    if ('code' in error && error.code === 'ECONNREFUSED') break;
  }
  t.pass('nobody listens any more');
});
