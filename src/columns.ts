/** Rows as columns under a line of headings; columns of numbers are aligned to the right. */
export function columns(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => String(row[i] ?? '').length)));
  const line = (cells: readonly (string | number)[]): string =>
    head
      .map((_, i) => {
        const text = String(cells[i] ?? '');
        return rows.every((row) => typeof row[i] === 'number') ? text.padStart(widths[i]!) : text.padEnd(widths[i]!);
      })
      .join('  ')
      .trimEnd();
  return [head, ...rows].map((cells) => `${line(cells)}\n`).join('');
}
