import { nextMessage } from '../children.ts';
import { runWrk } from '../load/wrk.ts';
import { cpuMicroseconds } from '../process-usage.ts';
import { inRounds } from '../rounds.ts';
import type { Bench, Scenario, Section } from '../scenario.ts';
import { spread, summarize } from '../statistics.ts';
import { startPorticoWith } from '../subjects/portico.ts';
import { makeTlsFiles } from '../tls-files.ts';

/** Counted from the first port of the benchmark; the one after the first is of the admin server. */
const PORTS = { early: 154, plain: 156, uwsTls: 157, uwsPlain: 176, server: 101 };
const CONNECTIONS = 64;
const MOST = 1.5;

interface Round {
  readonly rate: number;
  readonly cpu: number;
  readonly errors: number;
}

/** Requests on open connections of a listener with early data, against the same forwarding behind the TLS of uWebSockets.js. */
export const tlsEarlyKeepAlive: Scenario = { name: 'tls-early-keep-alive', needs: [], run };

async function run(bench: Bench): Promise<Section> {
  const { children, options, directory } = bench;
  const tls = makeTlsFiles(directory);
  const port = (name: keyof typeof PORTS): number => options.basePort + PORTS[name];
  const uws = children.fork(new URL('../backend.js', import.meta.url), [
    String(port('uwsTls')),
    '127.0.0.1',
    tls.cert,
    tls.key,
  ]);
  const plain = children.fork(new URL('../backend.js', import.meta.url), [String(port('uwsPlain'))]);
  await Promise.all([nextMessage(uws), nextMessage(plain)]);
  const portico = await startPorticoWith(
    { role: 'portico', port: port('early'), servers: [], directory, children, isPinned: options.isPinned },
    `listeners:
  - name: early
    bind: "127.0.0.1:${port('early')}"
    tls: { certificates: [{ cert: ${tls.cert}, key: ${tls.key} }], early_data: true }
    routes: [{ backend: app, early_data: true }]
  - { name: plain, bind: "127.0.0.1:${port('plain')}", backend: app }
backends: [{ name: app, pipelining: 16, servers: [{ address: "127.0.0.1:${port('server')}" }] }]
`,
  );
  const subjects = [
    { role: 'early', url: `https://127.0.0.1:${port('early')}/`, pid: portico.pid },
    { role: 'plain', url: `http://127.0.0.1:${port('plain')}/`, pid: portico.pid },
    { role: 'uwsTls', url: `https://127.0.0.1:${port('uwsTls')}/`, pid: uws.pid! },
    { role: 'uwsPlain', url: `http://127.0.0.1:${port('uwsPlain')}/`, pid: plain.pid! },
  ] as const;
  const measure = async ({ url, pid }: (typeof subjects)[number], seconds: number): Promise<Round> => {
    const before = cpuMicroseconds(pid);
    const result = await runWrk(children, url, { connections: CONNECTIONS, seconds });
    return {
      rate: result.requestsPerSecond,
      cpu: (cpuMicroseconds(pid) - before) / result.requests,
      errors: result.badStatuses + result.socketErrors,
    };
  };
  try {
    for (const subject of subjects) await measure(subject, 1);
    const results = await inRounds(subjects, options.rounds, (subject) => measure(subject, options.seconds));
    const [early, forwarding, uwsTls, uwsPlain] = subjects.map(({ role }) => results.get(role)!) as [
      readonly Round[],
      readonly Round[],
      readonly Round[],
      readonly Round[],
    ];
    const ratio = early.map(({ cpu }, i) => cpu / (forwarding[i]!.cpu + uwsTls[i]!.cpu - uwsPlain[i]!.cpu));
    const row = (name: string, rounds: readonly Round[]): string[] => [
      name,
      spread(
        rounds.map(({ rate }) => rate),
        0,
      ),
      spread(
        rounds.map(({ cpu }) => cpu),
        1,
      ),
      String(rounds.reduce((sum, { errors }) => sum + errors, 0)),
    ];
    const { median } = summarize(ratio);
    return {
      title: 'TLS: requests on open connections of a listener with early data',
      text: `\`GET /\`, ${CONNECTIONS} connections (wrk, TLS 1.3). What the same forwarding would cost behind the TLS of uWebSockets.js (BoringSSL): what Portico takes in the clear, and what uWebSockets.js takes more by TLS than in the clear where it answers itself.`,
      columns: ['', 'requests/s', 'CPU µs per request', 'errors'],
      rows: [
        row('Portico, a listener with early data', early),
        row('Portico, in the clear', forwarding),
        row('uWebSockets.js answers, TLS', uwsTls),
        row('uWebSockets.js answers, in the clear', uwsPlain),
      ],
      targets: [
        {
          what: `CPU of a request against the same behind the TLS of uWebSockets.js: ${spread(ratio, 2)}`,
          value: median.toFixed(2),
          bound: `≤ ${MOST}`,
          isMet: median <= MOST,
        },
      ],
    };
  } finally {
    await portico.stop();
    await children.end(uws);
    await children.end(plain);
  }
}
