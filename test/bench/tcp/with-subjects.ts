import { nextMessage } from '../children.ts';
import type { Bench } from '../scenario.ts';
import type { Role, Subject } from '../subject.ts';
import { startTcpSubject } from './subjects.ts';

/** Counted from the first port of the benchmark. */
const PORTS: Readonly<Record<Role, number>> = { portico: 50, 'portico-plain': 52, haproxy: 54, nginx: 55 };
const SERVER_PORT = 56;

/** Pipelining is a matter of HTTP, so of the two Porticos one is enough. */
export const tcpRoles = ({ subjects }: Bench): Role[] =>
  subjects.map(({ role }) => role).filter((role) => role !== 'portico-plain');

/** Starts a server and the balancers of these roles before it, and ends them when `use` has. */
export async function withTcpSubjects<T>(
  { children, options, directory }: Bench,
  roles: readonly Role[],
  use: (subjects: readonly Subject[]) => Promise<T>,
): Promise<T> {
  const { basePort, isPinned } = options;
  const server = children.fork(new URL('./server.js', import.meta.url), [String(basePort + SERVER_PORT)]);
  await nextMessage(server);
  const subjects: Subject[] = [];
  try {
    for (const role of roles) {
      const port = basePort + PORTS[role];
      subjects.push(
        await startTcpSubject({ role, port, servers: [basePort + SERVER_PORT], directory, children, isPinned }),
      );
    }
    return await use(subjects);
  } finally {
    for (const subject of subjects) await subject.stop();
    await children.end(server);
  }
}
