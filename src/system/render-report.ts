import { stripVTControlCharacters } from 'node:util';
import type { CapacityLimit } from './capacity.ts';
import { count } from './format.ts';
import { countSeverity, type Finding, type SystemReport } from './report.ts';
import type { Severity } from './setting.ts';

export interface RenderOptions {
  /** Lines are no longer. At least 72. */
  readonly columns: number;
  readonly isAscii: boolean;
  readonly isColoured: boolean;
  /** Without what is right, and without what to do next. Default: with it. */
  readonly isBrief?: boolean;
}

const WORDS: Record<Severity, string> = { pass: 'pass', warn: 'warn', fail: 'FAIL', skip: 'none' };
const COLOURS: Record<Severity, number> = { pass: 32, warn: 33, fail: 31, skip: 2 };
const INDENT = ' '.repeat(6);
const GAP = 2;
const NAME_COLUMN = 38;

/** A table of everything that was looked at, with the why of what is not as it should be, and what stops first. */
export function renderReport(report: SystemReport, options: RenderOptions): string {
  const { findings, demand, planes, capacity } = report;
  const paint = painter(options);
  const head = `For ${count(demand.connections)} connections at once, with ${planes} planes:`;
  const lines = [head, ''];
  for (const finding of findings) {
    if (finding.severity === 'skip' || (options.isBrief === true && finding.severity === 'pass')) continue;
    lines.push(...renderFinding(finding, options.columns, paint));
  }
  lines.push('', ...renderCapacity(capacity, demand.connections, options.columns, paint));
  lines.push('', ...wrap(summary(report, options), options.columns, ''), '');
  const text = lines.join('\n');
  return options.isAscii ? toAscii(text) : text;
}

type Paint = (text: string, code: number) => string;

function painter({ isColoured }: RenderOptions): Paint {
  return (text, code) => (isColoured ? `\u001b[${code}m${text}\u001b[0m` : text);
}

function renderFinding(finding: Finding, columns: number, paint: Paint): string[] {
  const { id, severity, current = 'unknown', wanted, why, ifLeft, detail, title, by, commands } = finding;
  const word = paint(WORDS[severity], COLOURS[severity]);
  const values = severity === 'pass' ? current : `${current}; wanted ${wanted}`;
  const room = columns - INDENT.length - GAP - id.length;
  const isOneLine =
    values.length <= columns - INDENT.length - GAP - Math.max(id.length, NAME_COLUMN) || values.length <= room;
  const first = isOneLine
    ? `${word}  ${id.padEnd(Math.min(NAME_COLUMN, columns - INDENT.length - GAP - values.length))}${' '.repeat(GAP)}${values}`
    : `${word}  ${id}`;
  if (severity === 'pass') return [isOneLine ? first : `${first}${' '.repeat(GAP)}${values.slice(0, room)}`];
  return [
    first,
    ...(isOneLine ? [] : wrap(values, columns, INDENT)),
    ...wrap(`${capital(title)}: ${why}.`, columns, INDENT),
    ...(detail === undefined ? [] : wrap(`${capital(detail)}.`, columns, INDENT)),
    ...wrap(`If left: ${ifLeft}.`, columns, INDENT),
    ...wrap(remedy(by, commands), columns, INDENT),
  ];
}

function remedy(by: Finding['by'], commands: readonly string[]): string {
  switch (by) {
    case 'portico':
      return 'Portico can change it: portico apply.';
    case 'root':
      return 'Portico can change it as root: sudo portico apply.';
    case 'host':
      return 'It cannot be changed from in here; it is the host’s to change.';
    default:
      return commands.length === 0 ? '' : `To do: ${commands.map((command) => command.replace(/^# ?/, '')).join('; ')}`;
  }
}

function renderCapacity(limits: readonly CapacityLimit[], target: number, columns: number, paint: Paint): string[] {
  const [first] = limits;
  if (first === undefined) return ['How many connections it could hold cannot be told from here.'];
  const width = Math.max(...limits.map(({ connections }) => count(connections).length));
  const title = Math.max(...limits.map((limit) => limit.title.length));
  const rows = limits.flatMap((limit, i) => {
    const head = `  ${count(limit.connections).padStart(width)}  ${limit.title.padEnd(title)}  `;
    const [start = '', ...rest] = wrap(limit.formula, columns, ' '.repeat(head.length));
    const line = head + start.trimStart();
    return [i === 0 ? paint(line, limit.connections < target ? COLOURS.fail : COLOURS.pass) : line, ...rest];
  });
  return [`It could hold ${count(first.connections)} connections now. What stops it first: ${first.title}.`, ...rows];
}

function summary({ findings, journal }: SystemReport, { isBrief = false }: RenderOptions): string {
  const bad = findings.filter(({ by }) => by !== undefined);
  const counts = `${countSeverity(findings, 'pass')} pass, ${countSeverity(findings, 'warn')} warn, ${countSeverity(findings, 'fail')} fail.`;
  const cut = {
    none: '',
    applied: '',
    interrupted: ' A change was cut off; `portico undo` or the next apply puts it back.',
    unreadable: ' The journal of changes cannot be used; `portico undo` says why.',
  }[journal];
  if (!isBrief && bad.some(({ by }) => by === 'portico' || by === 'root')) {
    const sudo = bad.some(({ by }) => by === 'root') ? 'sudo ' : '';
    return `${counts}${cut} Next: ${sudo}portico apply (all of it), or ${sudo}portico setup (step by step).`;
  }
  return `${counts}${cut}`;
}

/** Breaks between words; a longer word has a line of its own. */
export function wrap(text: string, columns: number, indent: string): string[] {
  if (text === '') return [];
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    const next = line === '' ? word : `${line} ${word}`;
    if (indent.length + stripVTControlCharacters(next).length > columns && line !== '') {
      lines.push(indent + line);
      line = word;
    } else line = next;
  }
  return [...lines, indent + line];
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

const ASCII: Readonly<Record<string, string>> = {
  '×': 'x',
  '÷': '/',
  '−': '-',
  '’': "'",
  '«': '"',
  '»': '"',
  '…': '~',
};

export function toAscii(text: string): string {
  return [...text].map((char) => (char < '\u007f' ? char : (ASCII[char] ?? '?'))).join('');
}
