import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import type { FaultKind } from './fault.ts';
import type { OtherEngine } from './lab-listener.ts';
import { Laboratory, type Report } from './laboratory.ts';
import { planSchedule } from './schedule.ts';
import { complaints, summarize } from './summary.ts';

/** Always the same, so that a failure comes again. */
const SEED = 10;
const EVERY_MS = 1000;
const CLIENTS = 8;

/** Each of the faults once, under load, and nothing may be wrong that none of them explains. Prints the table. Call `enterNamespace` first. */
export async function runOnce(
  t: Test,
  kinds: readonly FaultKind[],
  engines: readonly OtherEngine[] = [],
): Promise<Report> {
  const lab = await Laboratory.start({
    directory: mkdtempSync(join(tmpdir(), 'portico-lab-')),
    planes: 2,
    engines,
    withSideLoad: false,
    workers: 2,
    mostSeconds: 1000,
    clients: CLIENTS,
    pauseMs: 30,
    webSockets: 10,
    log: (line) => t.comment(line),
  });
  t.teardown(() => lab.close());
  // Gaps are half as long again at most, so that each kind's turn has come by then.
  const untilMs = EVERY_MS * 1.5 * kinds.length + 1;
  const schedule = planSchedule({ seed: SEED, fromMs: 0, untilMs, kinds, everyMs: EVERY_MS });
  await lab.run(schedule.filter(({ kind }, i) => schedule.findIndex((each) => each.kind === kind) === i));
  const report = await lab.finish();
  for (const line of summarize(report).split('\n')) t.comment(line);
  const wrong = complaints(report);
  if (wrong.length > 0) for (const line of report.lastLines) t.comment(line);
  t.same(wrong, []);
  t.same(new Set(report.done.map(({ fault }) => fault.kind)), new Set(kinds), 'every fault was recovered from');
  t.ok(report.requests > 100, `${report.requests} requests`);
  t.ok(report.messages > 10, `${report.messages} messages over WebSockets`);
  return report;
}
