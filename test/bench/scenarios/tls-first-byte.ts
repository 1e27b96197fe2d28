import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import { type TlsAnswer, TlsRequests } from '../load/tls-requests.ts';
import type { Bench, Scenario, Section } from '../scenario.ts';
import { spread, summarize } from '../statistics.ts';
import { NAMES } from '../subject.ts';
import { startEarly } from '../subjects/early.ts';
import { makeTlsFiles } from '../tls-files.ts';

/** Counted from the first port of the benchmark; the one after it is of the admin server. */
const PORT = 160;
const SERVER = 101;
const ONE_WAY_MS = 50;
const TIMES = 20;
const ROLES = ['portico', 'haproxy', 'nginx'] as const;
const KINDS = ['full', 'resumed', 'early'] as const;
const MOST_ABOVE = 0.05;

/** When the first byte of an answer is there over a long line. */
export const tlsFirstByte: Scenario = { name: 'tls-first-byte', needs: [], run };

async function run({ children, options, directory }: Bench): Promise<Section> {
  const tls = makeTlsFiles(directory);
  const port = options.basePort + PORT;
  const servers = [options.basePort + SERVER];
  const line = await startLongLine(port);
  const requests = new TlsRequests();
  const rows: string[][] = [];
  let ours = Number.NaN;
  try {
    for (const role of ROLES) {
      const subject = await startEarly(
        { role, port, servers, directory, children, isPinned: options.isPinned, tls },
        1,
      );
      try {
        const row: string[] = [NAMES[role]];
        for (const kind of KINDS) {
          const { times, others } = await ask(requests, line.port, kind);
          row.push(`${spread(times, 1)}${others === 0 ? '' : `; ${others} were not ${kind}`}`);
          if (role === 'portico' && kind === 'early' && others === 0) ours = summarize(times).median;
        }
        rows.push(row);
      } finally {
        await subject.stop();
      }
    }
  } finally {
    line.stop();
  }
  const roundTripMs = 2 * ONE_WAY_MS;
  return {
    title: `TLS 1.3: time to the first byte, ${ONE_WAY_MS} ms one way`,
    text: `From TCP’s connection to the first byte of the answer to \`GET /\`, in milliseconds, ${TIMES} times each, one after the other, over a relay that holds every piece back for ${ONE_WAY_MS} ms each way. All three are set up to take early data.`,
    columns: ['', ...KINDS],
    rows,
    targets: [
      {
        what: 'early data of Portico against one round trip',
        value: (ours / roundTripMs).toFixed(3),
        bound: `≤ ${1 + MOST_ABOVE}`,
        isMet: ours <= roundTripMs * (1 + MOST_ABOVE),
      },
    ],
  };
}

async function ask(
  requests: TlsRequests,
  port: number,
  kind: TlsAnswer['kind'],
): Promise<{ times: number[]; others: number }> {
  const slot = requests.slot();
  await requests.ask({ port, slot });
  const times: number[] = [];
  let others = 0;
  for (let i = 0; i < TIMES; i++) {
    const answer = await requests.ask({ port, ...(kind === 'full' ? {} : { slot }), isEarly: kind === 'early' });
    times.push(answer.firstByteMs);
    if (answer.kind !== kind) others += 1;
  }
  requests.drop(slot);
  return { times, others };
}

/** Relays to a port of this machine; every piece, and every end, comes out later by as much. */
async function startLongLine(port: number): Promise<{ readonly port: number; stop(): void }> {
  const sockets = new Set<net.Socket>();
  const carry = (from: net.Socket, to: net.Socket): void => {
    from.setNoDelay(true);
    sockets.add(from);
    from.on('data', (data) => void setTimeout(() => to.write(data), ONE_WAY_MS));
    from.on('end', () => void setTimeout(() => to.end(), ONE_WAY_MS));
    from.on('error', () => to.destroy());
    from.on('close', () => sockets.delete(from));
  };
  const server = net.createServer({ allowHalfOpen: true }, (near) => {
    const far = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    carry(near, far);
    carry(far, near);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    stop: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
