import net from 'node:net';
import { loadNativeAddon } from '../../../lb/tls/native-addon.ts';
import { makeSet, TlsSide } from '../../fixtures/tls-side.ts';
import { TlsRequests } from '../load/tls-requests.ts';
import { runWrk } from '../load/wrk.ts';
import type { Bench, Scenario, Section } from '../scenario.ts';
import { ratios, spread, summarize } from '../statistics.ts';
import type { Subject } from '../subject.ts';
import { startPorticoWith } from '../subjects/portico.ts';
import { makeTlsFiles } from '../tls-files.ts';

/** Counted from the first port of the benchmark; the one after it is of the admin server. */
const PORT = 162;
const SERVER = 101;
const HELD = 5000;
const AT_ONCE = 250;
const SECONDS = 2;
/** By default Portico cuts them after 10 s, which is less than it takes to begin them all and to measure. */
const HANDSHAKE_SECONDS = 60;
const CONNECTIONS = 4;
const MOST_ABOVE = 0.1;

interface Round {
  readonly requestUs: number;
  readonly connectMs: number;
  readonly held: number;
}

/** What clients notice of many who begin a handshake and leave it there. */
export const tlsHalfOpen: Scenario = { name: 'tls-half-open', needs: [], run };

async function run(bench: Bench): Promise<Section> {
  const { children, options, directory } = bench;
  const tls = makeTlsFiles(directory);
  const port = options.basePort + PORT;
  const portico = await startPorticoWith(
    { role: 'portico', port, servers: [], directory, children, isPinned: options.isPinned },
    `listeners:
  - name: web
    bind: "127.0.0.1:${port}"
    tls: { certificates: [{ cert: ${tls.cert}, key: ${tls.key} }], handshake_timeout: ${HANDSHAKE_SECONDS}s }
    backend: app
backends: [{ name: app, pipelining: 16, servers: [{ address: "127.0.0.1:${options.basePort + SERVER}" }] }]
`,
  );
  const hello = clientHello();
  const alone: Round[] = [];
  const beside: Round[] = [];
  try {
    await measure(bench, portico);
    for (let round = 0; round < options.rounds; round++) {
      alone.push(await measure(bench, portico));
      const held = await hold(port, hello);
      const measured = await measure(bench, portico);
      beside.push({ ...measured, held: held.count() });
      held.end();
      await held.ended();
    }
  } finally {
    await portico.stop();
  }
  const of = (rounds: readonly Round[], figure: (round: Round) => number): number[] => rounds.map(figure);
  const ratioOf = (figure: (round: Round) => number): number[] => ratios(of(beside, figure), of(alone, figure));
  const [request, connect] = [ratioOf(({ requestUs }) => requestUs), ratioOf(({ connectMs }) => connectMs)];
  const row = (name: string, rounds: readonly Round[]): string[] => [
    name,
    spread(
      of(rounds, ({ held }) => held),
      0,
    ),
    spread(
      of(rounds, ({ requestUs }) => requestUs),
      0,
    ),
    spread(
      of(rounds, ({ connectMs }) => connectMs),
      2,
    ),
  ];
  return {
    title: `TLS: ${HELD.toLocaleString('en')} handshakes left half way`,
    text: `Each has sent its ClientHello, got the server’s flight, and says no more. Beside them: \`GET /\` on ${CONNECTIONS} open connections (wrk; the mean latency), and on new connections, one after the other (full handshakes; TCP’s connection to the first byte, median).`,
    columns: ['', 'half way', 'request, µs', 'connection and request, ms'],
    rows: [row('without', alone), row('with them', beside), ['×', '', spread(request, 2), spread(connect, 2)]],
    targets: [
      { what: 'latency of a request', ratio: request },
      { what: 'latency of a connection and its request', ratio: connect },
    ].map(({ what, ratio }) => {
      const { median } = summarize(ratio);
      return { what, value: median.toFixed(2), bound: `≤ ${1 + MOST_ABOVE}`, isMet: median <= 1 + MOST_ABOVE };
    }),
  };
}

async function measure({ children }: Bench, { port }: Subject): Promise<Round> {
  const load = { connections: CONNECTIONS, seconds: SECONDS };
  const { requestsPerSecond } = await runWrk(children, `https://127.0.0.1:${port}/`, load);
  const requests = new TlsRequests();
  const times: number[] = [];
  for (const endMs = performance.now() + SECONDS * 1000; performance.now() < endMs; )
    times.push((await requests.ask({ port })).firstByteMs);
  return { requestUs: (CONNECTIONS * 1e6) / requestsPerSecond, connectMs: summarize(times).median, held: 0 };
}

/** The first flight of a client; many can begin with the same one. */
function clientHello(): Buffer {
  const loaded = loadNativeAddon();
  if (!loaded.ok) throw new Error(loaded.reason);
  const side = new TlsSide(loaded.addon);
  const session = loaded.addon.open(makeSet(loaded.addon, 'client', []), -1, '', 0, '');
  side.feed(session, Buffer.alloc(0));
  const hello = side.takeOut();
  loaded.addon.free(session);
  return hello;
}

interface Held {
  /** That are still open and have been answered. */
  count(): number;
  end(): void;
  ended(): Promise<unknown>;
}

/** Resolves when all have got the server's flight. */
async function hold(port: number, hello: Buffer): Promise<Held> {
  const open = new Set<net.Socket>();
  const closed: Promise<void>[] = [];
  const start = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const socket = net.connect(port, '127.0.0.1', () => socket.write(hello));
      closed.push(new Promise((gone) => socket.on('close', () => gone())));
      socket.once('data', () => {
        open.add(socket);
        resolve();
      });
      socket.on('close', () => open.delete(socket));
      socket.on('error', reject);
    });
  for (let count = 0; count < HELD; count += AT_ONCE) await Promise.all(Array.from({ length: AT_ONCE }, start));
  return {
    count: () => open.size,
    end: () => {
      for (const socket of open) socket.destroy();
    },
    ended: () => Promise.all(closed),
  };
}
