import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startBackends } from './backends.ts';
import { report } from './report.ts';
import { type Section, scenarios } from './scenarios.ts';
import { startHaproxy, startNginx, startPortico, versions } from './subjects.ts';

const RESULTS = fileURLToPath(new URL('../../../test/bench/RESULTS.md', import.meta.url));

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '4' },
    only: { type: 'string' },
    write: { type: 'boolean', default: false },
  },
});
const options = { rounds: Number(values.rounds), seconds: Number(values.seconds) };
const directory = mkdtempSync(join(tmpdir(), 'portico-bench-'));
const stops: (() => Promise<void>)[] = [];
const tidy = async (): Promise<void> => {
  for (const stop of stops.splice(0).reverse()) await stop();
  rmSync(directory, { recursive: true, force: true });
};
process.once('SIGINT', () => void tidy().then(() => process.exit(1)));

try {
  const backends = await startBackends(2);
  stops.push(() => backends.stop());
  const common = { backends: backends.ports, directory };
  const started = [
    await startPortico({ ...common, name: 'Portico', port: 7100 }, 16),
    await startPortico({ ...common, name: 'Portico, no pipelining', port: 7110 }, 1),
    await startHaproxy({ ...common, name: 'HAProxy', port: 7120 }),
    await startNginx({ ...common, name: 'nginx', port: 7130 }),
  ];
  for (const { stop } of started) stops.push(stop);
  const [pipelined, plain, haproxy, nginx] = started as [
    (typeof started)[0],
    (typeof started)[0],
    (typeof started)[0],
    (typeof started)[0],
  ];
  const sections: Section[] = [];
  for (const scenario of scenarios) {
    if (values.only !== undefined && !scenario.name.includes(values.only)) continue;
    process.stderr.write(`${scenario.name} …\n`);
    const section = await scenario.run({ pipelined, plain, haproxy, nginx, ...common }, options);
    sections.push(section);
    process.stdout.write(report([section]));
  }
  if (values.write) writeFileSync(RESULTS, report(sections, { versions: versions(), options }));
} finally {
  await tidy();
}
process.exit(0);
