import { compare, type Figure } from '../compare.ts';
import { inRounds } from '../rounds.ts';
import type { Bench, Scenario } from '../scenario.ts';
import type { Subject } from '../subject.ts';
import { runLoad } from '../tcp/load.ts';
import { tcpRoles, withTcpSubjects } from '../tcp/with-subjects.ts';

const CONNECTIONS = 32;
const WARM_UP_SECONDS = 3;

interface Churn {
  readonly perSecond: number;
  readonly cpuPerConnection: number;
  readonly failed: number;
}

const PER_SECOND: Figure<Churn> = {
  title: 'connections/s',
  digits: 0,
  against: ['haproxy', 'nginx'],
  of: ({ perSecond }) => perSecond,
};
const CPU: Figure<Churn> = {
  title: 'CPU µs per connection',
  digits: 1,
  against: ['haproxy', 'nginx'],
  of: ({ cpuPerConnection }) => cpuPerConnection,
};
const FAILED: Figure<Churn> = { title: 'failed', digits: 0, against: [], of: ({ failed }) => failed };

async function measure({ children, options }: Bench, subject: Subject, seconds = options.seconds): Promise<Churn> {
  const load = await runLoad(children, 'churn', subject, { connections: CONNECTIONS, seconds });
  return {
    perSecond: load.opened / load.seconds,
    cpuPerConnection: load.cpuMicroseconds / load.opened,
    failed: load.failed,
  };
}

export const tcpConnections: Scenario = {
  name: 'tcp-connections',
  needs: [],
  run: (bench) =>
    withTcpSubjects(bench, tcpRoles(bench), async (subjects) => {
      for (const subject of subjects) await measure(bench, subject, WARM_UP_SECONDS);
      const results = await inRounds(subjects, bench.options.rounds, (subject) => measure(bench, subject));
      return {
        title: 'TCP: a connection for each message',
        text: `Connections are opened, carry 64 bytes there and back, and are closed by the client, ${CONNECTIONS} at a time. Portico with \`engine: tcp\`, HAProxy in mode tcp, nginx as a stream proxy.`,
        ...compare(
          results,
          [PER_SECOND, CPU, FAILED],
          [{ subject: 'portico', figure: CPU, against: 'haproxy', bound: { atMost: 1.5 } }],
        ),
      };
    }),
};
