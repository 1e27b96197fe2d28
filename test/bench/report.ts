import type { Section, Target } from './scenario.ts';

export interface Header {
  readonly date: string;
  readonly command: string;
  readonly versions: Readonly<Record<string, string>>;
  readonly rounds: number;
  readonly seconds: number;
  readonly isPinned: boolean;
}

export const describeTable = (columns: readonly string[], rows: readonly (readonly string[])[]): string[] =>
  [columns, columns.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`);

function targetTable(targets: readonly Target[]): string[] {
  const rows = targets.map(({ what, value, bound, isMet }) => [what, value, bound, isMet ? 'met' : '**missed**']);
  return describeTable(['target', 'measured', 'bound', ''], rows);
}

/** One table and its targets, as Markdown. */
export function describeSection({ title, text, columns, rows, targets }: Section): string {
  const lines = [`## ${title}`, '', text, '', ...describeTable(columns, rows), ''];
  if (targets.length > 0) lines.push(...targetTable(targets), '');
  return `${lines.join('\n')}\n`;
}

/** RESULTS.md. */
export function describeRun(sections: readonly Section[], header: Header): string {
  const { date, command, versions, rounds, seconds, isPinned } = header;
  const lines = [
    '# Benchmark results',
    '',
    `Made on ${date} by \`${command}\`, in one run, the balancers in turn within each round; numbers are the median and, in brackets, the`,
    `lowest and highest of ${rounds} rounds of ${seconds} s. Load, balancer and servers share the machine, so only ratios mean something; they`,
    'are taken round by round, and the median is that of the ratios. CPU and memory are those of the balancing process: for Portico its one',
    'plane (the primary does no traffic), for HAProxy and nginx their one process with one thread.',
    isPinned ? 'The balancers were pinned to core 0, load and servers to core 1.' : 'No process was pinned to a core.',
    '',
    ...Object.entries(versions).map(([name, version]) => `- ${name}: ${version}`),
    '',
    '## Targets',
    '',
    // Names repeat from section to section.
    ...targetTable(
      sections.flatMap(({ title, targets }) =>
        targets.map((target) => ({ ...target, what: `${title}: ${target.what}` })),
      ),
    ),
    '',
  ];
  return `${lines.join('\n')}\n${sections.map(describeSection).join('')}`;
}
