/** One row of `show stat`. */
export interface StatRow {
  readonly proxy: string;
  /** `FRONTEND`, `BACKEND`, or a server. */
  readonly name: string;
  text(column: string): string;
  /** 0 where there is none. */
  number(column: string): number;
}

/** Reads the CSV of `show stat` (management.txt, 9.1). Columns are found by name, as versions add some. */
export function readStat(csv: string): readonly StatRow[] {
  const [head = '', ...lines] = csv.split('\n').filter((line) => line !== '');
  const columns = new Map(
    head
      .replace(/^# /, '')
      .split(',')
      .map((name, i) => [name, i]),
  );
  return lines.map((line) => {
    const cells = splitCsv(ownText(line));
    const text = (column: string): string => cells[columns.get(column) ?? -1] ?? '';
    return { proxy: cells[0] ?? '', name: cells[1] ?? '', text, number: (column) => Number(text(column)) || 0 };
  });
}

/** Part of a long text keeps all of it in memory (V8): who keeps one cell of a row would keep the whole answer. */
const ownText = (part: string): string => Buffer.from(part).toString();

/** Quotes stand around what has a comma, and are doubled within. */
function splitCsv(line: string): string[] {
  if (!line.includes('"')) return line.split(',');
  return [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map(
    ([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain ?? '',
  );
}
