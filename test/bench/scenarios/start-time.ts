import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { defaultConfigPath } from '../../../config/default-config.ts';
import type { Children } from '../children.ts';
import { accepts, until } from '../launch.ts';
import type { Scenario } from '../scenario.ts';
import { spread, summarize } from '../statistics.ts';
import { MAIN } from '../subjects/portico.ts';

/** Counted from the first port of the benchmark. */
const PORT = 90;
const MAX_MS = 3000;

/** Milliseconds from the start of the process to its first answer. */
async function startOnce(children: Children, file: string, port: number): Promise<number> {
  if (await accepts(port)) throw new Error(`port ${port} is in use; does another benchmark run?`);
  const started = performance.now();
  const child = children.spawn(process.execPath, [MAIN, 'run', '-c', file], { stdio: 'ignore' });
  try {
    await until('the first answer', async () => {
      if (child.exitCode !== null || child.signalCode !== null) throw new Error('Portico ended before it answered');
      const response = await fetch(`http://127.0.0.1:${port}/`).catch(() => undefined);
      await response?.text();
      return response?.status === 200;
    });
    return performance.now() - started;
  } finally {
    await children.end(child);
  }
}

export const startTime: Scenario = {
  name: 'start-time',
  needs: ['portico'],
  run: async ({ children, directory, options }) => {
    const port = options.basePort + PORT;
    const file = join(directory, 'default.yaml');
    // The shipped config, on ports that are free beside a Portico that runs here.
    writeFileSync(
      file,
      readFileSync(defaultConfigPath(), 'utf8')
        .replace('0.0.0.0:8080', `127.0.0.1:${port}`)
        .replace('9797', String(port + 1)),
    );
    const times: number[] = [];
    for (let round = 0; round < options.rounds; round++) times.push(await startOnce(children, file, port));
    const { max } = summarize(times);
    return {
      title: 'Start',
      text: 'From `node dist/src/main.js run`, which is what `npm start` runs once all is installed, with the shipped config to the first answer of a worker.',
      columns: ['', 'ms'],
      rows: [['Portico', spread(times, 0)]],
      targets: [
        {
          what: 'first answer after at most',
          value: `${(max / 1000).toFixed(2)} s`,
          bound: `≤ ${MAX_MS / 1000} s`,
          isMet: max <= MAX_MS,
        },
      ],
    };
  },
};
