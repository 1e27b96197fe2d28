import type { Setting } from './setting.ts';

/** The table of docs/system.md, a row for each setting. */
export function settingsTable(catalog: readonly Setting[]): string {
  const rows = catalog.map(
    ({ id, why, ifLeft, risk }) => `| \`${id}\` | ${[why, ifLeft, risk].map(cell).join(' | ')} |`,
  );
  return ['| setting | why it matters | if it is left | risk of the change |', '|---|---|---|---|', ...rows].join('\n');
}

const cell = (text: string): string => text.replaceAll('|', '\\|');
