import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { isRunning } from '../../src/process-facts.ts';
import { NatLab } from '../fixtures/nat-lab.ts';
import { enterNamespace, sh } from '../fixtures/netns.ts';
import { killSurvivors, PorticoProcess, writeConfig } from '../fixtures/portico-process.ts';
import { sumOf } from '../fixtures/prometheus-sum.ts';
import { ADMIN, closeAll, config, ONE, RAW, startKernel, until, used } from '../fixtures/running-kernel.ts';
import { kill } from '../fixtures/succession.ts';

const skip = enterNamespace(import.meta.url) ?? false;

t.test(
  'connections outlive the primary and the process of the engine; the next start takes them over',
  { skip },
  async (t) => {
    const lab = await NatLab.create(t, ['10.2.1.1', '10.2.1.2', '10.2.1.3']);
    await lab.server('10.2.0.2', 9000);
    // Checks need ports, too, where the rules have nearly all.
    const file = writeConfig(
      config(RAW, ONE)
        .replace('servers:', 'health: { interval: 100ms }, servers:')
        .replace('planes:', 'heartbeat: 2s\nplanes:'),
    );
    t.teardown(() => sh('nft delete table inet portico'));
    const first = new PorticoProcess(['run', '-c', file]);
    await first.until(/POST|GET|http/);
    const clients = await lab.clients();
    t.equal((await clients.open('10.1.0.1', 80, 300, 4)).open, 300);
    const opening = clients.open('10.1.0.1', 80, 300, 2);
    first.child.kill('SIGKILL');
    t.same((await opening).failures, {}, 'new ones go on, too');
    await first.ended();
    t.equal((await clients.ask({ type: 'check' })).alive, 600);

    const second = new PorticoProcess(['run', '-c', file]);
    t.teardown(() => second.child.kill('SIGKILL'));
    await second.until(/took over the rules that an earlier run has left, with/);
    await second.until(/kernel accepts connections/);
    await used((value) => value === 600);
    t.equal((await clients.open('10.1.0.1', 80, 100, 2)).open, 700);

    const { planes } = (await (await fetch(`${ADMIN}/api/v1/status`)).json()) as {
      planes: { id: string; pid: number }[];
    };
    process.kill(planes.find(({ id }) => id === 'kernel')!.pid, 'SIGSTOP');
    await second.until(/kernel does not answer and is killed[\s\S]*kernel died/);
    t.same((await clients.open('10.1.0.1', 80, 50)).failures, {});
    await used((value) => value === 750);
    t.equal((await clients.ask({ type: 'check' })).alive, 750);
    await closeAll(clients);
    second.child.kill('SIGTERM');
    t.equal(await second.ended(), 0);
  },
);

t.test('a process that is stopped when its primary is killed is not left behind', { skip }, async (t) => {
  const lab = await NatLab.create(t, ['10.2.1.1']);
  await lab.server('10.2.0.2', 9000);
  const file = writeConfig(config(RAW, ONE));
  t.teardown(() => sh('nft delete table inet portico'));
  const start = async () => {
    const portico = new PorticoProcess(['run', '-c', file], undefined, { RUNTIME_DIRECTORY: runtime });
    t.teardown(() => portico.child.kill('SIGKILL'));
    await portico.until(/kernel accepts connections/);
    const { planes } = (await (await fetch(`${ADMIN}/api/v1/status`)).json()) as {
      planes: { id: string; pid: number }[];
    };
    return { portico, pid: planes.find(({ id }) => id === 'kernel')!.pid };
  };
  const runtime = mkdtempSync(join(tmpdir(), 'portico-run-'));
  t.teardown(() => {
    killSurvivors(runtime);
    rmSync(runtime, { recursive: true });
  });
  const first = await start();
  process.kill(first.pid, 'SIGSTOP');
  t.teardown(() => {
    if (isRunning(first.pid)) process.kill(first.pid, 'SIGKILL');
  });
  await kill(first.portico);
  t.ok(isRunning(first.pid));
  const second = await start();
  t.match(second.portico.stderr, `kernel (process ${first.pid}) of an earlier run was still there and was killed`);
  t.notOk(isRunning(first.pid));
  const clients = await lab.clients();
  t.equal((await clients.open('10.1.0.1', 80, 20)).open, 20);
  await closeAll(clients);
  second.portico.child.kill('SIGTERM');
  t.equal(await second.portico.ended(), 0);
});

t.test('rules that someone flushed or removed are put back; tables of others are let be', { skip }, async (t) => {
  const lab = await NatLab.create(t, ['10.2.1.1']);
  await lab.server('10.2.0.2', 9000);
  sh('nft add table inet others');
  const { events } = await startKernel(t, config(RAW, ONE));
  const clients = await lab.clients();
  t.equal((await clients.open('10.1.0.1', 80, 20)).open, 20);
  for (const [i, command] of [
    'nft flush ruleset',
    'nft flush table inet portico',
    'nft flush chain inet portico pre',
  ].entries()) {
    sh(command);
    await until('portico_source_drift_total', 'kind="rules-restored"', (value) => value === i + 1);
    t.equal((await clients.ask({ type: 'check' })).alive, 20, command);
    if (i === 0) sh('nft add table inet others');
  }
  t.equal(events.filter((event) => event.startsWith('someone changed')).length, 3);
  sh('nft add chain inet others mine');
  t.equal((await clients.open('10.1.0.1', 80, 20)).open, 40);
  t.equal(
    sumOf(await (await fetch(`${ADMIN}/metrics`)).text(), 'portico_source_drift_total', 'kind="rules-restored"'),
    3,
  );
  t.match(sh('nft list ruleset'), /table inet others/);
  await closeAll(clients);
});
