import { addedBy, cpuTarget } from '../kernel/added-cpu.ts';
import { type Forwarder, haproxyTcp, porticoKernel, routed, tracked } from '../kernel/forwarders.ts';
import { KernelField } from '../kernel/kernel-field.ts';
import { cpuMicroseconds, machineCpuMicroseconds } from '../process-usage.ts';
import type { Bench, Scenario, Target } from '../scenario.ts';
import { ratios, spread, summarize } from '../statistics.ts';

const MIB = 1 << 20;
const CONNECTIONS = 32;
const STREAMS = 4;
const BACKGROUND_MS = 1000;
/** Of the target for Portico's own processes. */
const RATE = 5000;

interface Round {
  readonly perSecond: number;
  /** Of the whole machine. */
  readonly cpuPerConnection: number;
  /** Of Portico's processes. */
  readonly ownPerConnection: number;
  readonly failed: number;
  readonly mibPerSecond: number;
}

async function measure(field: KernelField, { target, pids }: Forwarder, seconds: number): Promise<Round> {
  const own = (): number => pids.reduce((sum, pid) => sum + cpuMicroseconds(pid), 0);
  const [before, ownBefore] = [machineCpuMicroseconds(), own()];
  const churn = await field.measure('churn', target, { connections: CONNECTIONS, seconds });
  const [spent, ownSpent] = [machineCpuMicroseconds() - before, own() - ownBefore];
  const stream = await field.measure('stream', target, { connections: STREAMS, seconds });
  return {
    perSecond: churn.opened / churn.seconds,
    cpuPerConnection: spent / churn.opened,
    ownPerConnection: ownSpent / churn.opened,
    failed: churn.failed + stream.failed,
    mibPerSecond: stream.bytes / MIB / stream.seconds,
  };
}

/** CPU that is taken while nothing of ours runs, % of a core. */
async function backgroundShare(): Promise<number> {
  const [before, began] = [machineCpuMicroseconds(), performance.now()];
  await new Promise((resolve) => setTimeout(resolve, BACKGROUND_MS));
  return (machineCpuMicroseconds() - before) / 10 / (performance.now() - began);
}

async function compareIn(bench: Bench, field: KernelField): ReturnType<Scenario['run']> {
  const { children, directory, options } = bench;
  const starts: readonly (() => Forwarder | Promise<Forwarder>)[] = [
    () => routed(field),
    () => tracked(field, directory),
    () => porticoKernel(field, directory, children),
    () => haproxyTcp(field, directory, children),
    () => ({ ...routed(field), name: 'routed, once more' }),
  ];
  const others = await backgroundShare();
  const names: string[] = [];
  const rounds: Round[][] = starts.map(() => []);
  for (let round = 0; round < options.rounds; round++) {
    for (const [i, start] of starts.entries()) {
      // One at a time: where connections are tracked, all of them are, also those that only pass.
      const forwarder = await start();
      names[i] = forwarder.name;
      try {
        rounds[i]!.push(await measure(field, forwarder, options.seconds));
      } finally {
        await forwarder.stop();
      }
    }
  }
  const of = (i: number, figure: (round: Round) => number): number[] => rounds[i]!.map(figure);
  const [plain, passed, portico, haproxy, again] = [0, 1, 2, 3, 4] as const;
  const cpuOf = (i: number, at: number): number => rounds[i]![at]!.cpuPerConnection;
  const cpu = rounds[plain]!.map((_, at) => ({
    before: cpuOf(plain, at),
    after: cpuOf(again, at),
    portico: cpuOf(portico, at),
    haproxy: cpuOf(haproxy, at),
  }));
  const ownShare = of(portico, ({ ownPerConnection }) => (ownPerConnection * RATE) / 1e4);
  const target = (what: string, values: readonly number[], bound: number, isMost: boolean): Target => {
    const { median } = summarize(values);
    return {
      what,
      value: median.toFixed(2),
      bound: `${isMost ? '≤' : '≥'} ${bound}`,
      isMet: isMost ? median <= bound : median >= bound,
    };
  };
  return {
    title: 'The kernel engine: connections and streams',
    text: `Clients, balancer and server in three namespaces over veth. Connections are opened, carry 64 bytes there and back, and are closed by the client, ${CONNECTIONS} at a time; then ${STREAMS} streams from the server. CPU is that of the whole machine, interrupts included (\`/proc/stat\`); the balancer's is what it is more than with plain routing, which is measured before and after the others in every round. Before the first round other programs took ${others.toFixed(0)} % of a core. ${options.rounds} rounds.`,
    columns: ['between', 'connections/s', 'CPU µs per connection', 'of it the balancer’s', 'MiB/s', 'failed'],
    rows: rounds.map((_, i) => [
      names[i]!,
      spread(
        of(i, ({ perSecond }) => perSecond),
        0,
      ),
      spread(
        of(i, ({ cpuPerConnection }) => cpuPerConnection),
        0,
      ),
      i === portico || i === haproxy ? spread(addedBy(cpu, i === portico ? 'portico' : 'haproxy'), 0) : '',
      spread(
        of(i, ({ mibPerSecond }) => mibPerSecond),
        0,
      ),
      String(of(i, ({ failed }) => failed).reduce((sum, failed) => sum + failed, 0)),
    ]),
    targets: [
      cpuTarget(cpu, 0.3),
      target(
        'Streams against routing with connections tracked',
        ratios(
          of(portico, ({ mibPerSecond }) => mibPerSecond),
          of(passed, ({ mibPerSecond }) => mibPerSecond),
        ),
        0.95,
        false,
      ),
      target(`Portico’s processes at ${RATE} connections/s, % of a core`, ownShare, 10, true),
    ],
  };
}

export const kernelForwarding: Scenario = {
  name: 'kernel-forwarding',
  needs: [],
  run: async (bench) => {
    const field = await KernelField.create(bench.children, 1);
    try {
      return await compareIn(bench, field);
    } finally {
      await field.remove();
    }
  },
};
