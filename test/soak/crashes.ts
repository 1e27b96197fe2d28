// npm run soak-crashes -- [--seconds N] [--planes N] [--primaries N] [--upgrades N]
// Kills a random plane every two seconds, then the primary again and again, then upgrades, all under load. Exit status 1: a request failed that
// was on no connection of a killed plane, a replacement was slow, or a port was not given back.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { isRunning } from '../../src/process-facts.ts';
import { freePorts, killSurvivors } from '../fixtures/portico-process.ts';
import { clientPortsOf } from '../lab/client-ports.ts';
import { LabPortico } from '../lab/lab-portico.ts';
import { CrashLoad } from './crash-load.ts';

const CLIENTS = 16;
const PERIOD_MS = 2000;
const REPLACED_MS = 500;

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    planes: { type: 'string', default: '4' },
    primaries: { type: 'string', default: '20' },
    upgrades: { type: 'string', default: '20' },
  },
});
const numberOf = (flag: keyof typeof values): number => {
  const value = Number(values[flag]);
  if (!Number.isInteger(value) || value < 0) throw new RangeError(`--${flag} is a whole number`);
  return value;
};
const [seconds, planes] = [numberOf('seconds'), numberOf('planes')];
const [primaries, upgrades] = [numberOf('primaries'), numberOf('upgrades')];

const [port, adminPort] = await freePorts();
const directory = mkdtempSync(join(tmpdir(), 'portico-crashes-'));
const portico = new LabPortico({
  directory,
  adminPort,
  config: () => `
planes: ${planes}
drain_timeout: 2s
admin: { listen: "127.0.0.1:${adminPort}" }
listeners: [{ name: web, bind: "127.0.0.1:${port}", backend: app }]
backends:
  - { name: app, timeouts: { idle: 1s }, workers: { module: builtin:echo, count: 2 } }
`,
});
const end = (): void => {
  killSurvivors(portico.runtimeDirectory);
  rmSync(directory, { recursive: true, force: true });
};
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
process.once('exit', end);

const print = (line: string): void => void process.stdout.write(`${line}\n`);
const load = new CrashLoad(port, CLIENTS);
let isFine = true;

function report(what: string, before: { readonly requests: number; readonly failures: number }): void {
  const failed = load.failures.slice(before.failures);
  if (failed.length > 0) isFine = false;
  print(
    `${what}: ${load.requests - before.requests} requests, ${failed.length} failed${failed.length === 0 ? '' : ` (${[...new Set(failed)].join(', ')})`}, ${load.excused} on connections of killed planes, ${load.again} sent again`,
  );
}

const now = (): { requests: number; failures: number } => ({
  requests: load.requests,
  failures: load.failures.length,
});
const isWhole = async (): Promise<boolean> => {
  const { planes: all } = await portico.status();
  return all.length === planes && all.every(({ ready }) => ready);
};

async function killPlane(): Promise<number> {
  const { planes: all } = await portico.status();
  const victim = all[Math.floor(Math.random() * all.length)]!;
  // Stopped first: it accepts more all the time.
  process.kill(victim.pid, 'SIGSTOP');
  for (const each of clientPortsOf(victim.pid, [port])) load.cut.add(each);
  const mark = portico.mark();
  process.kill(victim.pid, 'SIGKILL');
  const killedAtMs = performance.now();
  // Not by its status, which waits for planes that do not answer yet.
  await portico.logged(new RegExp(`${victim.id} accepts connections`), mark);
  const tookMs = performance.now() - killedAtMs;
  if (tookMs > REPLACED_MS) print(`${victim.id} was back after ${tookMs.toFixed(0)} ms:\n${portico.logSince(mark)}`);
  return tookMs;
}

await portico.start();
await portico.until('all planes', isWhole);
// As Portico is from its tenth second on.
if (seconds > 0) await portico.logged(/a spare plane \(process \d+\) stands by/, 0);
let before = now();
const times: number[] = [];
const endMs = performance.now() + seconds * 1000;
while (performance.now() < endMs) {
  const atMs = performance.now();
  times.push(await killPlane());
  await new Promise((resolve) => setTimeout(resolve, Math.max(0, PERIOD_MS - (performance.now() - atMs))));
}
report(`${times.length} planes killed`, before);
if (times.length > 0) {
  const sorted = times.toSorted((a, b) => a - b);
  const late = times.filter((ms) => ms > REPLACED_MS).length;
  print(
    `replacement ready after ${sorted[Math.floor(sorted.length / 2)]!.toFixed(0)} ms (median), ${sorted.at(-1)!.toFixed(0)} ms at most; ${late} later than ${REPLACED_MS} ms`,
  );
  if (late > 0) isFine = false;
}

before = now();
for (let i = 0; i < primaries; i++) {
  process.kill((await portico.status()).pid, 'SIGKILL');
  await portico.start();
  await portico.until('all planes', isWhole);
}
if (primaries > 0) report(`primary killed ${primaries} times`, before);

before = now();
for (let i = 0; i < upgrades; i++) {
  const { pid } = await portico.status();
  process.kill(pid, 'SIGUSR2');
  await portico.until('the old primary to end', async () => !isRunning(pid) && (await isWhole()));
}
if (upgrades > 0) report(`${upgrades} upgrades`, before);

await load.stop();
let used = -1;
await portico
  .until('all ports to be given back', async () => {
    used = (await portico.status()).ports.reduce((sum, each) => sum + each.used, 0);
    return used === 0;
  })
  .catch(() => {});
print(`ports still leased at the end: ${used}`);
if (used !== 0) isFine = false;
process.kill((await portico.status()).pid, 'SIGTERM');
await portico.logged(/draining/, 0);
process.exit(isFine ? 0 : 1);
