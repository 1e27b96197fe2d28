import { compare, type Figure } from '../compare.ts';
import { inRounds } from '../rounds.ts';
import type { Bench, Scenario } from '../scenario.ts';
import { settledMemory } from '../settled-memory.ts';
import type { Role } from '../subject.ts';
import { holdConnections } from '../tcp/load.ts';
import { tcpRoles, withTcpSubjects } from '../tcp/with-subjects.ts';

const MAX_ROUNDS = 3;

const MEMORY: Figure<number> = {
  title: 'RSS, bytes per connection',
  digits: 0,
  against: ['haproxy', 'nginx'],
  of: (bytes) => bytes,
};

/** With a fresh process: memory that an earlier load left behind would hide what these connections take. */
const measure = (bench: Bench, role: Role): Promise<number> =>
  withTcpSubjects(bench, [role], async ([subject]) => {
    const { children, options } = bench;
    const { port, pid } = subject!;
    await (await holdConnections(children, port, 1)).end();
    const before = await settledMemory(pid);
    const held = await holdConnections(children, port, options.idleConnections);
    const after = await settledMemory(pid);
    await held.end();
    return (after.residentBytes - before.residentBytes) / options.idleConnections;
  });

export const tcpIdle: Scenario = {
  name: 'tcp-idle',
  needs: [],
  run: async (bench) => {
    const roles = tcpRoles(bench).map((role) => ({ role }));
    const rounds = Math.min(bench.options.rounds, MAX_ROUNDS);
    const results = await inRounds(roles, rounds, ({ role }) => measure(bench, role));
    return {
      title: `TCP: ${bench.options.idleConnections.toLocaleString('en')} idle connections`,
      text: `Growth of the resident memory for each, after a message there and back; ${rounds} rounds, each with fresh processes. Sockets in the kernel are not in it; they are the same for all.`,
      ...compare(
        results,
        [MEMORY],
        [{ subject: 'portico', figure: MEMORY, against: 'haproxy', bound: { atMost: 1.2 } }],
      ),
    };
  },
};
