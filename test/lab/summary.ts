import { describeTable } from '../bench/report.ts';
import type { Report } from './laboratory.ts';
import type { Trend } from './memory-trend.ts';
import type { Failure } from './oracle.ts';
import type { Slice } from './side-load.ts';

/** Of memory after collections. */
export interface MemoryTrends {
  readonly resident: readonly Trend[];
  /** JavaScript's heap but for code. */
  readonly objects: readonly Trend[];
  /** It has its bound in the program; how soon V8 comes to it is V8's. */
  readonly code: readonly Trend[];
}

const NO_TRENDS: MemoryTrends = { resident: [], objects: [], code: [] };

/** What is wrong with it; nothing where all is well. */
export function complaints(report: Report, { resident, objects } = NO_TRENDS): string[] {
  const { unexplained, slices, problems, ports, leakedProcesses, leakedAddresses } = report;
  return [
    ...problems,
    ...kindsOf(unexplained),
    ...slices.filter(isUnexplained).map(({ slice }) => describeSlice(slice)),
    ...ports.differences.map((difference) => `port map: ${difference}`),
    ...leakedProcesses.map((each) => `left behind: process ${each}`),
    ...leakedAddresses.map((each) => `left behind: address ${each}`),
    ...resident.filter(({ isFlat }) => !isFlat).map((trend) => `memory of ${trend.name} is not flat`),
    ...objects.filter(({ isFlat }) => !isFlat).map((trend) => `the heap of ${trend.name} is not flat`),
  ];
}

const isUnexplained = ({ slice, by }: Report['slices'][number]): boolean => slice.errors > 0 && by === undefined;

function describeSlice({ tool, fromMs, untilMs, requests, errors }: Slice): string {
  const [from, until] = [fromMs, untilMs].map((ms) => new Date(ms).toISOString().slice(11, 23));
  return `unexplained: ${errors} errors of ${tool} from ${from} to ${until}, ${requests} requests`;
}

/** One line for those that are alike, with the first of them. */
function kindsOf(failures: readonly Failure[]): string[] {
  const kinds = new Map<string, Failure[]>();
  for (const failure of failures) {
    const kind = `${failure.what} ${failure.listener} ${failure.backend} ${failure.isSafe} ${failure.why}`;
    kinds.set(kind, [...(kinds.get(kind) ?? []), failure]);
  }
  return [...kinds.values()].map((alike) => `unexplained, ${alike.length} times: ${describeFailure(alike[0]!)}`);
}

export function describeFailure(failure: Failure): string {
  const { what, listener, backend, isSafe, port, startedMs, endedMs, why } = failure;
  const at = new Date(endedMs).toISOString().slice(11, 23);
  const request = what === 'websocket' ? '' : isSafe ? ' GET' : ' POST or upgrade';
  return `${at} ${what}${request} to ${listener}, ${backend}, from port ${port}, after ${Math.round(endedMs - startedMs)} ms: ${why}`;
}

function sideLoads({ slices }: Report): string[][] {
  const tools = [...new Set(slices.map(({ slice }) => slice.tool))];
  return tools.map((tool) => {
    const own = slices.filter(({ slice }) => slice.tool === tool);
    const errorsOf = (some: Report['slices']): number => some.reduce((sum, { slice }) => sum + slice.errors, 0);
    const requests = own.reduce((sum, { slice }) => sum + slice.requests, 0);
    const unexplained = errorsOf(own.filter(isUnexplained));
    return [
      `${tool}: requests, errors explained / unexplained`,
      `${requests}, ${errorsOf(own) - unexplained} / ${unexplained}`,
    ];
  });
}

/** The tables of one run, as Markdown. */
export function summarize(report: Report, trends = NO_TRENDS): string {
  const { done, explained, unexplained, ports, leakedProcesses, leakedAddresses } = report;
  const kinds = [...new Set(done.map(({ fault }) => fault.kind))].sort();
  const count = (what: Failure['what'], failures: readonly Failure[]): string =>
    String(failures.filter((failure) => failure.what === what).length);
  const faults = kinds.map((kind) => {
    const own = done.filter(({ fault }) => fault.kind === kind);
    const took = own.map(({ tookMs }) => tookMs).sort((a, b) => a - b);
    const failures = explained.filter(({ by }) => by.fault === kind).map(({ failure }) => failure);
    return [
      kind,
      String(own.length),
      String(Math.round(took[Math.floor(took.length / 2)]!)),
      String(Math.round(took.at(-1)!)),
      count('request', failures),
      count('repeat', failures),
      count('websocket', failures),
    ];
  });
  const all = explained.map(({ failure }) => failure);
  const rows = [
    ['faults', String(done.length)],
    ['requests', String(report.requests)],
    ['requests failed: explained / unexplained', `${count('request', all)} / ${count('request', unexplained)}`],
    [
      'sent again on another connection: explained / unexplained',
      `${count('repeat', all)} / ${count('repeat', unexplained)}`,
    ],
    ['WebSockets opened, messages echoed', `${report.webSocketsOpened}, ${report.messages}`],
    ['WebSockets lost: explained / unexplained', `${count('websocket', all)} / ${count('websocket', unexplained)}`],
    ...sideLoads(report),
    ['ports leased at the end / sockets of `ss`', `${ports.leased} / ${ports.sockets}`],
    ['pairs of source and destination that differ', String(ports.differences.length)],
    ['processes, addresses left behind', `${leakedProcesses.length}, ${leakedAddresses.length}`],
  ];
  const lines = [
    ...describeTable(
      ['fault', 'times', 'recovered after ms, median', 'most', 'requests failed', 'sent again', 'WebSockets ended'],
      faults,
    ),
    '',
    ...describeTable(['', ''], rows),
  ];
  for (const [name, some] of [
    ['resident', trends.resident],
    ['heap without code', trends.objects],
    ['code', trends.code],
  ] as const) {
    if (some.length > 0) lines.push('', ...describeTrends(name, some));
  }
  return `${lines.join('\n')}\n`;
}

function describeTrends(name: string, trends: readonly Trend[]): string[] {
  const mebibytes = (bytes: number): string => (bytes / 2 ** 20).toFixed(2);
  return describeTable(
    ['process', 'minutes', 'collections', `${name}: median MiB after them`, 'MiB per hour', '±', ''],
    trends.map((trend) => [
      trend.name,
      trend.minutes.toFixed(0),
      String(trend.samples),
      mebibytes(trend.medianBytes),
      mebibytes(trend.bytesPerHour),
      mebibytes(trend.uncertainty),
      trend.isFlat ? 'flat' : '**not flat**',
    ]),
  );
}
