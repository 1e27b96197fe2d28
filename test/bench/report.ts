import type { Section } from './scenarios.ts';

export interface Header {
  readonly versions: Readonly<Record<string, string>>;
  readonly options: { readonly rounds: number; readonly seconds: number };
}

/** The results as Markdown: a table and the targets of each section. */
export function report(sections: readonly Section[], header?: Header): string {
  const lines: string[] = [];
  if (header !== undefined) {
    const { versions, options } = header;
    lines.push(
      '# Benchmark results',
      '',
      'Made by `npm run bench -- --write`, in one run, the balancers in turn within each round; numbers are the median and, in brackets, the',
      `lowest and highest of ${options.rounds} rounds of ${options.seconds} s. The machine is shared and small (2 cores for load, balancer and servers together), so only ratios`,
      'mean something; they are taken round by round. CPU is that of the balancing process: for Portico its one plane (the primary does',
      'no traffic), for HAProxy and nginx their one process with one thread.',
      '',
      ...Object.entries(versions).map(([name, version]) => `- ${name}: ${version}`),
      '',
    );
  }
  for (const { title, text, columns, rows, targets } of sections) {
    lines.push(`## ${title}`, '', text, '');
    lines.push(`| ${columns.join(' | ')} |`, `| ${columns.map(() => '---').join(' | ')} |`);
    for (const row of rows) lines.push(`| ${row.join(' | ')} |`);
    lines.push('');
    for (const { what, value, bound, isMet } of targets)
      lines.push(`- ${isMet ? 'reached' : '**missed**'}: ${what} ${value} (target ${bound})`);
    if (targets.length > 0) lines.push('');
  }
  return `${lines.join('\n')}\n`;
}
