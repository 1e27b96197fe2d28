import { rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { compare } from '../compare.ts';
import { inRounds } from '../rounds.ts';
import type { Scenario } from '../scenario.ts';
import { NAMES, type Role, type Subject } from '../subject.ts';
import { CPU_PER_REQUEST, measureThroughput, REQUESTS_PER_SECOND } from './throughput.ts';

const LOAD = { path: '/', connections: 64 };
/** Counted from the first port; two for each balancer. */
const FIRST_PORT = 60;
const WARM_UP_SECONDS = 2;
/** A line of any of them is longer. */
const SHORTEST_LINE_BYTES = 60;

/** Keep-alive requests with every balancer writing a line for each. */
export const accessLogs: Scenario = {
  name: 'access-log',
  needs: ['portico'],
  run: async (bench) => {
    const { basePort, rounds } = bench.options;
    const roles = bench.subjects.map(({ role }) => role);
    const logFile = (role: Role): string => join(bench.directory, `access-${role}.log`);
    const subjects: Subject[] = [];
    try {
      for (const [i, role] of roles.entries()) {
        subjects.push(await bench.start(role, basePort + FIRST_PORT + i * 2, undefined, logFile(role)));
      }
      for (const subject of subjects) await measureThroughput(bench, subject, LOAD, WARM_UP_SECONDS);
      const results = await inRounds(subjects, rounds, (subject) => measureThroughput(bench, subject, LOAD));
      for (const role of roles) {
        const requests = results.get(role)!.reduce((sum, result) => sum + result.requests, 0);
        if (statSync(logFile(role)).size < requests * SHORTEST_LINE_BYTES) {
          throw new Error(`${NAMES[role]} did not log every request`);
        }
      }
      return {
        title: 'Keep-alive requests with access logs',
        text: 'As the first table, with a line for each request: Portico in JSON to a file (about 400 bytes), nginx in its combined format to a file with a buffer of 64 KiB (about 90 bytes), HAProxy in its HTTP format to its standard output, which is a file (about 150 bytes).',
        ...compare(
          results,
          [REQUESTS_PER_SECOND, CPU_PER_REQUEST],
          [
            { subject: 'portico', figure: REQUESTS_PER_SECOND, against: 'haproxy', bound: { atLeast: 1.4 } },
            { subject: 'portico', figure: REQUESTS_PER_SECOND, against: 'nginx', bound: { atLeast: 1.4 } },
          ],
        ),
      };
    } finally {
      for (const subject of subjects) await subject.stop();
      for (const role of roles) rmSync(logFile(role), { force: true });
    }
  },
};
