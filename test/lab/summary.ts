import { describeTable } from '../bench/report.ts';
import type { Report } from './laboratory.ts';
import type { Trend } from './memory-trend.ts';
import type { Failure } from './oracle.ts';

/** What is wrong with it; nothing where all is well. */
export function complaints(report: Report, trends: readonly Trend[] = []): string[] {
  const { unexplained, problems, ports, leakedProcesses, leakedAddresses } = report;
  return [
    ...problems,
    ...kindsOf(unexplained),
    ...ports.differences.map((difference) => `port map: ${difference}`),
    ...leakedProcesses.map((each) => `left behind: process ${each}`),
    ...leakedAddresses.map((each) => `left behind: address ${each}`),
    ...trends.filter(({ isFlat }) => !isFlat).map((trend) => `memory of ${trend.name} is not flat`),
  ];
}

/** One line for those that are alike, with the first of them. */
function kindsOf(failures: readonly Failure[]): string[] {
  const kinds = new Map<string, Failure[]>();
  for (const failure of failures) {
    const kind = `${failure.what} ${failure.backend} ${failure.isSafe} ${failure.why}`;
    kinds.set(kind, [...(kinds.get(kind) ?? []), failure]);
  }
  return [...kinds.values()].map((alike) => `unexplained, ${alike.length} times: ${describeFailure(alike[0]!)}`);
}

export function describeFailure({ what, backend, isSafe, port, startedMs, endedMs, why }: Failure): string {
  const at = new Date(endedMs).toISOString().slice(11, 23);
  const request = what === 'websocket' ? '' : isSafe ? ' GET' : ' POST or upgrade';
  return `${at} ${what}${request} to ${backend} from port ${port}, after ${Math.round(endedMs - startedMs)} ms: ${why}`;
}

/** The tables of one run, as Markdown. */
export function summarize(report: Report, trends: readonly Trend[] = []): string {
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
  if (trends.length > 0) {
    const mebibytes = (bytes: number): string => (bytes / 2 ** 20).toFixed(2);
    lines.push(
      '',
      ...describeTable(
        ['process', 'minutes', 'collections', 'median MiB after them', 'MiB per hour', '±', ''],
        trends.map((trend) => [
          trend.name,
          trend.minutes.toFixed(0),
          String(trend.samples),
          mebibytes(trend.medianBytes),
          mebibytes(trend.bytesPerHour),
          mebibytes(trend.uncertainty),
          trend.isFlat ? 'flat' : '**not flat**',
        ]),
      ),
    );
  }
  return `${lines.join('\n')}\n`;
}
