import { compare, type Figure } from '../compare.ts';
import { askFor, TlsRequests } from '../load/tls-requests.ts';
import { cpuMicroseconds } from '../process-usage.ts';
import { inRounds } from '../rounds.ts';
import type { Bench, Scenario, Section } from '../scenario.ts';
import type { Role, Subject } from '../subject.ts';
import { startEarly } from '../subjects/early.ts';
import { startSubject } from '../subjects.ts';
import { makeTlsFiles } from '../tls-files.ts';

/** Counted from the first port of the benchmark. */
const PORTS = { portico: 150, haproxy: 152, nginx: 153 } as const;
const SERVER = 101;
const CLIENTS = 16;

interface Round {
  readonly full: number;
  readonly resumed: number;
  readonly soonest: number;
}

const figure = (title: string, of: (round: Round) => number): Figure<Round> => ({
  title,
  digits: 0,
  against: ['haproxy', 'nginx'],
  of,
});
const FULL = figure('CPU µs, full', ({ full }) => full);
const RESUMED = figure('CPU µs, resumed', ({ resumed }) => resumed);
const SOONEST = figure('CPU µs, early data (others: resumed)', ({ soonest }) => soonest);

/** What a request costs that comes on a connection of its own, with and without a ticket of TLS 1.3. */
export const tlsTickets: Scenario = { name: 'tls-tickets', needs: [], run };

async function run(bench: Bench): Promise<Section> {
  const { children, options, directory } = bench;
  const tls = makeTlsFiles(directory);
  const servers = [options.basePort + SERVER];
  const roles = (['portico', 'haproxy', 'nginx'] as const).filter((role) =>
    bench.subjects.some((subject) => subject.role === role),
  );
  const subjects: Subject[] = [];
  const requests = new TlsRequests();
  const measure = (subject: Subject, seconds: number): Promise<Round> => measureOnce(requests, subject, seconds);
  try {
    for (const role of roles) {
      const port = options.basePort + PORTS[role];
      const started = { role, port, servers, directory, children, isPinned: options.isPinned, tls };
      subjects.push(await (role === 'portico' ? startEarly(started, 1) : startSubject(started)));
    }
    for (const subject of subjects) await measure(subject, 0.5);
    const results = await inRounds(subjects, options.rounds, (subject) => measure(subject, options.seconds));
    const bound = { atMost: 1 };
    return {
      title: 'TLS: a request on a connection of its own',
      text: `TCP, a handshake of TLS 1.3 with an ECDSA certificate (P-256), \`GET /\`, the answer, the end; ${CLIENTS} at once, each with a ticket of its own. Early data: the request is in the first flight; HAProxy and nginx are asked after a resumed handshake, as they are set up here without early data.`,
      ...compare<Round>(
        results,
        [FULL, RESUMED, SOONEST],
        [{ subject: 'portico' as Role, figure: SOONEST, against: 'haproxy' as Role, bound }],
      ),
    };
  } finally {
    for (const subject of subjects) await subject.stop();
  }
}

async function measureOnce(requests: TlsRequests, { port, pid, role }: Subject, seconds: number): Promise<Round> {
  const cpuOf = async (kind: 'full' | 'resumed' | 'early'): Promise<number> => {
    const before = cpuMicroseconds(pid);
    const { count, others } = await askFor(requests, port, { kind, seconds, clients: CLIENTS });
    if (others > CLIENTS) throw new Error(`${others} of ${count + others} handshakes with ${role} were not ${kind}`);
    return (cpuMicroseconds(pid) - before) / (count + others);
  };
  const full = await cpuOf('full');
  const resumed = await cpuOf('resumed');
  return { full, resumed, soonest: role === 'portico' ? await cpuOf('early') : resumed };
}
