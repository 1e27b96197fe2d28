import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defaultConfigPath } from '../../../config/default-config.ts';
import type { Scenario } from '../scenarios.ts';
import { summarize } from '../statistics.ts';
import { spread } from './throughput.ts';

const MAIN = fileURLToPath(new URL('../../../src/main.js', import.meta.url));
const PORT = 7190;

export const startTime: Scenario = {
  name: 'start-time',
  run: async ({ directory }, { rounds }) => {
    const file = join(directory, 'default.yaml');
    // The shipped config, on ports that are free beside a Portico that runs here.
    writeFileSync(
      file,
      readFileSync(defaultConfigPath(), 'utf8')
        .replace('0.0.0.0:8080', `127.0.0.1:${PORT}`)
        .replace('9797', String(PORT + 1)),
    );
    const times: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const started = performance.now();
      const child = spawn(process.execPath, [MAIN, 'run', '-c', file], { stdio: 'ignore' });
      for (;;) {
        const response = await fetch(`http://127.0.0.1:${PORT}/`).catch(() => undefined);
        await response?.text();
        if (response?.status === 200) break;
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      times.push(performance.now() - started);
      const gone = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM');
      await gone;
    }
    const { max } = summarize(times);
    return {
      title: 'Start',
      text: 'From `portico run` with the shipped config to the first answer of a worker.',
      columns: ['', 'ms'],
      rows: [['Portico', spread(times, 0)]],
      targets: [
        {
          what: 'first answer after at most',
          value: `${(max / 1000).toFixed(2)} s`,
          bound: '≤ 3 s',
          isMet: max <= 3000,
        },
      ],
    };
  },
};
