import { fork } from 'node:child_process';
import { once } from 'node:events';
import { cpuMicroseconds, residentBytes } from '../process-usage.ts';
import type { Scenario } from '../scenarios.ts';
import { type Subject, startHaproxy, startNginx, startPortico } from '../subjects.ts';
import { CLIENT } from './websocket-echo.ts';

const CONNECTIONS = 9000;
const IDLE_SECONDS = 10;

const sleep = (seconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

interface Measured {
  readonly name: string;
  readonly bytes: number;
  readonly cpuMs: number;
}

/** Memory and CPU with 9,000 open WebSockets, as the operating system sees them: no collection is forced. */
async function measure(subject: Subject): Promise<Measured> {
  const before = residentBytes(subject.pid);
  const client = fork(CLIENT, [String(subject.port), String(CONNECTIONS), '0']);
  await once(client, 'message');
  await sleep(2);
  const cpuBefore = cpuMicroseconds(subject.pid);
  await sleep(IDLE_SECONDS);
  const cpuMs = (cpuMicroseconds(subject.pid) - cpuBefore) / 1000;
  const bytes = (residentBytes(subject.pid) - before) / CONNECTIONS;
  const gone = once(client, 'exit');
  client.disconnect();
  await gone;
  return { name: subject.name, bytes, cpuMs };
}

export const idleWebSockets: Scenario = {
  name: 'idle-websockets',
  run: async ({ directory, backends }) => {
    const rows: Measured[] = [];
    // New processes: memory that an earlier load left behind would hide what these connections take.
    const starts = [
      () => startPortico({ name: 'Portico', port: 7140, backends, directory }, 16),
      () => startHaproxy({ name: 'HAProxy', port: 7150, backends, directory }),
      () => startNginx({ name: 'nginx', port: 7160, backends, directory }),
    ];
    for (const start of starts) {
      const subject = await start();
      try {
        // One short connection, so that what is set up only once is there before.
        await fetch(`http://127.0.0.1:${subject.port}/`).then((response) => response.text());
        rows.push(await measure(subject));
      } finally {
        await subject.stop();
      }
    }
    const own = rows[0]!.bytes;
    return {
      title: `${CONNECTIONS} idle WebSockets`,
      text: `Growth of the resident memory for each of ${CONNECTIONS} WebSockets, and CPU time of the balancer in ${IDLE_SECONDS} s with them. Once each, with fresh processes.`,
      columns: ['balancer', 'bytes per WebSocket', `CPU ms in ${IDLE_SECONDS} s`],
      rows: rows.map(({ name, bytes, cpuMs }) => [name, bytes.toFixed(0), cpuMs.toFixed(0)]),
      targets: [
        {
          what: 'memory per idle WebSocket',
          value: `${(own / 1000).toFixed(2)} KB`,
          bound: '≤ 6 KB',
          isMet: own <= 6000,
        },
      ],
    };
  },
};
