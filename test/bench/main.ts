import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startBackends } from './backends.ts';
import { Children } from './children.ts';
import { type BenchOptions, parseOptions, USAGE } from './options.ts';
import { describeRun, describeSection } from './report.ts';
import type { Bench, Section } from './scenario.ts';
import { scenarios } from './scenarios.ts';
import type { Role, Subject } from './subject.ts';
import { rolesOf, startSubject } from './subjects.ts';
import { versions } from './versions.ts';

const RESULTS = fileURLToPath(new URL('../../../test/bench/RESULTS.md', import.meta.url));
const KEPT = '<!-- Other commands; kept when this file is written anew. -->';
const SERVERS = 2;
/** Counted from the first port, as are those of the scenarios. */
const PORTS: Readonly<Record<Role, number>> = { portico: 0, 'portico-plain': 10, haproxy: 20, nginx: 30 };
const FIRST_SERVER_PORT = 101;

const args = process.argv.slice(2);
const options = parse();
const chosen = scenarios.filter(({ name }) => name.includes(options.only ?? ''));
if (chosen.length === 0) refuse(`there is no such scenario; there are ${scenarios.map(({ name }) => name).join(', ')}`);

const directory = mkdtempSync(join(tmpdir(), 'portico-bench-'));
const children = new Children();
// What everything else starts from inherits core 1; the balancers leave it for core 0.
if (options.isPinned) execFileSync('taskset', ['-a', '-c', '-p', '1', String(process.pid)], { stdio: 'ignore' });
process.once('exit', () => {
  children.signalAll();
  rmSync(directory, { recursive: true, force: true });
});
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => void children.stop().finally(() => process.exit(1)));

try {
  await run();
  await children.stop();
  process.exit(0);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.stack : error}\n`);
  await children.stop();
  process.exit(1);
}

async function run(): Promise<void> {
  const servers = await startBackends(children, options.basePort + FIRST_SERVER_PORT, SERVERS);
  const start = (role: Role, port: number, others = servers, accessLog?: string): Promise<Subject> =>
    startSubject({ role, port, servers: others, directory, children, isPinned: options.isPinned, accessLog });
  const subjects: Subject[] = [];
  for (const role of rolesOf(options.groups)) subjects.push(await start(role, options.basePort + PORTS[role]));
  const bench: Bench = { subjects, start, children, directory, options };
  const sections: Section[] = [];
  for (const { name, needs, run } of chosen) {
    if (!needs.every((role) => subjects.some((subject) => subject.role === role))) {
      process.stderr.write(`${name} left out: it needs ${needs.join(' and ')}\n`);
      continue;
    }
    process.stderr.write(`${name} …\n`);
    const section = await run(bench);
    sections.push(section);
    process.stdout.write(describeSection(section));
  }
  if (!options.write) return;
  const report = describeRun(sections, {
    date: new Date().toISOString().slice(0, 10),
    command: ['npm run bench --', ...args].join(' '),
    versions: versions(),
    ...options,
  });
  writeFileSync(RESULTS, report + keptOf(readFileSync(RESULTS, 'utf8')));
}

/** What other commands measured, from their mark to the end of the file. */
function keptOf(results: string): string {
  const at = results.indexOf(KEPT);
  return at < 0 ? '' : results.slice(at);
}

function parse(): BenchOptions {
  try {
    return parseOptions(args);
  } catch (error) {
    return refuse((error as Error).message);
  }
}

function refuse(message: string): never {
  process.stderr.write(`${message}\n\n${USAGE}\n`);
  process.exit(2);
}
