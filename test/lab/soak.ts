// npm run soak -- [--minutes N] [--seed N] [--clients N] [--write]
//
// A third of the time in all, at the start and at the end, everything may happen to every process. In between only that which leaves Portico's processes as
// they are, so that their memory can be watched.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { memoryOf } from '../bench/process-usage.ts';
import { enterNamespace } from '../fixtures/netns.ts';
import { BACK_FAULTS, describeFault, FRONT_FAULTS, LASTING } from './fault.ts';
import { GarbageCollector } from './garbage-collector.ts';
import { OTHER_ENGINES } from './lab-listener.ts';
import { Laboratory } from './laboratory.ts';
import { type MemorySample, memoryTrends, type Trend } from './memory-trend.ts';
import { plotMemory } from './plot.ts';
import { planSchedule } from './schedule.ts';
import { complaints, describeFailure, summarize } from './summary.ts';

const RESULTS = fileURLToPath(new URL('../../../test/lab/', import.meta.url));
const PROGRAMS = ['haproxy', 'nft', 'wrk', 'h2load'] as const;
const PACKAGES = 'haproxy nftables wrk nghttp2-client';
const SAMPLES = 600;
/** So many times all garbage is collected; what is left then is what may leak. */
const COLLECTIONS = 60;
/** V8 gives memory back to the kernel beside its work. */
const GIVE_BACK_MS = 500;
const TOLD_MS = 60_000;
/** A process takes so much of the quiet time to grow to its working size, in which its memory says nothing about leaks. */
const WARM_UP_SHARE = 0.15;

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '60' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
    clients: { type: 'string', default: '16' },
    pause: { type: 'string', default: '50' },
    write: { type: 'boolean', default: false },
  },
});
const totalMs = Number(values.minutes) * 60_000;
const seed = Number(values.seed);
if (!(totalMs > 0) || !Number.isInteger(seed)) {
  process.stderr.write('npm run soak -- [--minutes N] [--seed N] [--clients N] [--pause MS] [--write]\n');
  process.exit(2);
}
const missing = PROGRAMS.find((program) => spawnSync(program, ['-v']).error !== undefined);
const cannot =
  missing === undefined ? enterNamespace(import.meta.url) : `${missing} is missing: apt-get install ${PACKAGES}`;
if (cannot !== undefined) {
  process.stderr.write(`${cannot}\n`);
  process.exit(1);
}

const stormMs = totalMs / 6;
const [quietMs, endMs] = [stormMs, totalMs - stormMs];
const all = [...FRONT_FAULTS, ...BACK_FAULTS];
const schedule = [
  ...planSchedule({ seed, fromMs: 0, untilMs: quietMs, kinds: all, everyMs: 8000 }),
  ...planSchedule({ seed: seed + 1, fromMs: quietMs + 10_000, untilMs: endMs, kinds: LASTING, everyMs: 15_000 }),
  ...planSchedule({ seed: seed + 2, fromMs: endMs, untilMs: totalMs, kinds: all, everyMs: 8000 }),
];
const startedAt = new Date().toISOString().slice(0, 16);
const log = (line: string): void => void process.stdout.write(`${new Date().toISOString().slice(11, 19)} ${line}\n`);
log(`seed ${seed}, ${values.minutes} minutes, ${schedule.length} faults`);
for (const fault of schedule) process.stdout.write(`${describeFault(fault)}\n`);

const lab = await Laboratory.start({
  directory: mkdtempSync(join(tmpdir(), 'portico-soak-')),
  planes: 2,
  workers: 2,
  engines: OTHER_ENGINES,
  withSideLoad: true,
  mostSeconds: (2 * totalMs) / 1000 + 600,
  clients: Number(values.clients),
  pauseMs: Number(values.pause),
  webSockets: 20,
  nodeOptions: GarbageCollector.NODE_OPTIONS,
  log,
});
const startedMs = performance.now();
const samples: MemorySample[] = [];
const settled: MemorySample[] = [];
/** JavaScript's heap at the same moments: what resident memory is without it is the allocator's and V8's own. */
const objects: MemorySample[] = [];
const code: MemorySample[] = [];
const garbage = new GarbageCollector();

const elapsedMs = (): number => performance.now() - startedMs;

/** While the primary is away nobody says who is there. */
async function processes(): Promise<readonly { readonly id: string; readonly pid: number }[]> {
  const status = await lab.portico.status().catch(() => undefined);
  return status === undefined ? [] : [{ id: 'primary', pid: status.pid }, ...status.planes, ...status.workers];
}

async function sample(): Promise<void> {
  for (const { id, pid } of await processes()) note(samples, id, pid);
}

function note(list: MemorySample[], name: string, pid: number): void {
  try {
    list.push({ name, pid, atMs: elapsedMs(), bytes: memoryOf(pid).residentBytes });
  } catch {
    // It has just ended.
  }
}

async function settle(): Promise<void> {
  if (elapsedMs() < quietMs || elapsedMs() > endMs) return;
  for (const { id, pid } of await processes()) {
    // One that is stopped or has ended has no sample this time.
    const heap = await garbage.collect(pid).catch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, GIVE_BACK_MS));
    if (heap === undefined) continue;
    objects.push({ name: id, pid, atMs: elapsedMs(), bytes: heap.objectBytes });
    code.push({ name: id, pid, atMs: elapsedMs(), bytes: heap.codeBytes });
    note(settled, id, pid);
  }
}

/** Again and again, but not while the last time is still under way. */
function repeat(run: () => Promise<void>, everyMs: number): NodeJS.Timeout {
  let isUnderWay = false;
  return setInterval(async () => {
    if (isUnderWay) return;
    isUnderWay = true;
    await run();
    isUnderWay = false;
  }, everyMs);
}

async function tell(): Promise<void> {
  const { requests, webSocketsOpen } = await lab.counts();
  const { unexplained } = lab;
  const last = unexplained.at(-1);
  const worst = last === undefined ? '' : `, the last: ${describeFailure(last)}`;
  log(`${requests} requests, ${webSocketsOpen} WebSockets open, ${unexplained.length} failures unexplained${worst}`);
}

const timers = [
  repeat(sample, totalMs / SAMPLES),
  repeat(settle, totalMs / COLLECTIONS),
  setInterval(() => void tell(), TOLD_MS),
];
let status = 1;
try {
  await lab.run(schedule);
  for (const timer of timers) clearInterval(timer);
  const report = await lab.finish();
  const warmMs = quietMs + WARM_UP_SHARE * (endMs - quietMs);
  const trendsOf = (list: readonly MemorySample[]): readonly Trend[] =>
    memoryTrends(list.filter(({ atMs }) => atMs >= warmMs && atMs < endMs));
  const trends = { resident: trendsOf(settled), objects: trendsOf(objects), code: trendsOf(code) };
  const faults = complaints(report, trends);
  const text = `Seed ${seed}, ${values.minutes} minutes from ${startedAt} UTC, ${values.clients} clients.\n\n${summarize(report, trends)}`;
  if (faults.length > 0) process.stdout.write(`${report.lastLines.join('\n')}\n`);
  process.stdout.write(`\n${text}\n${faults.map((fault) => `${fault}\n`).join('')}`);
  if (values.write) {
    writeFileSync(join(RESULTS, 'memory.svg'), plotMemory(samples, settled));
    writeFileSync(
      join(RESULTS, 'RESULTS.md'),
      `# An hour with faults\n\n\`npm run soak -- --write\`. ${text}\n![memory](memory.svg)\n`,
    );
  }
  status = faults.length === 0 ? 0 : 1;
} finally {
  for (const timer of timers) clearInterval(timer);
  await lab.close();
}
process.exit(status);
