import { compare, type Figure } from '../compare.ts';
import { inRounds } from '../rounds.ts';
import type { Bench, Scenario } from '../scenario.ts';
import type { Subject } from '../subject.ts';
import { runLoad } from '../tcp/load.ts';
import { tcpRoles, withTcpSubjects } from '../tcp/with-subjects.ts';

const MIB = 1 << 20;
const CONNECTIONS = 4;

interface Flow {
  readonly mibPerSecond: number;
  readonly cpuPerMib: number;
}

const SPEED: Figure<Flow> = {
  title: 'MiB/s',
  digits: 0,
  against: ['haproxy', 'nginx'],
  of: ({ mibPerSecond }) => mibPerSecond,
};
const CPU: Figure<Flow> = {
  title: 'CPU µs per MiB',
  digits: 0,
  against: ['haproxy', 'nginx'],
  of: ({ cpuPerMib }) => cpuPerMib,
};

async function measure({ children, options }: Bench, subject: Subject): Promise<Flow> {
  const load = await runLoad(children, 'stream', subject, { connections: CONNECTIONS, seconds: options.seconds });
  if (load.failed > 0) throw new Error(`${load.failed} streams through port ${subject.port} failed`);
  return { mibPerSecond: load.bytes / MIB / load.seconds, cpuPerMib: load.cpuMicroseconds / (load.bytes / MIB) };
}

export const tcpStream: Scenario = {
  name: 'tcp-stream',
  needs: [],
  run: (bench) =>
    withTcpSubjects(bench, tcpRoles(bench), async (subjects) => {
      const results = await inRounds(subjects, bench.options.rounds, (subject) => measure(bench, subject));
      return {
        title: 'TCP: streams',
        text: `${CONNECTIONS} connections over which the server sends as fast as the client takes it.`,
        ...compare(
          results,
          [SPEED, CPU],
          [{ subject: 'portico', figure: SPEED, against: 'haproxy', bound: { atLeast: 1 } }],
        ),
      };
    }),
};
