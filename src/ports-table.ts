/** A row of `GET /api/v1/ports`. */
export interface PortRow {
  readonly pool: string;
  readonly source: string;
  readonly destination: string;
  readonly ports: number;
  readonly free: number;
  readonly used: number;
  readonly quarantined: number;
  readonly unusable: number;
  /** Null: never. */
  readonly exhaustion_seconds: number | null;
  readonly add_addresses: number;
  readonly cells: readonly PortCellRow[];
}

export interface PortCellRow {
  readonly used: number;
  readonly quarantined: number;
  readonly unusable: number;
  readonly ports: number;
}

export interface PortsTableOptions {
  /** Lines are no longer. At least 72. */
  readonly columns: number;
  readonly isAscii: boolean;
  readonly isColoured: boolean;
}

const MAX_HEAT = 64;
const MIN_HEAT = 8;
const BLOCKS = '▁▂▃▄▅▆▇█';
const ASCII = '.,:-=+*#';
const YELLOW_FROM = 0.7;
const RED_FROM = 0.9;

/** One line for each source and destination, under a line of headings. */
export function renderPorts(rows: readonly PortRow[], options: PortsTableOptions): string {
  if (rows.length === 0) return 'No source port is in use.\n';
  const lines = rows.map((row) => ({
    source: row.source,
    destination: row.destination,
    counts: `${row.used}/${row.quarantined}/${row.unusable}/${row.free}`,
    forecast: describeForecast(row),
  }));
  const head = { source: 'SOURCE', destination: 'DESTINATION', counts: 'USED/QUAR/BAD/FREE', forecast: 'FULL' };
  const width = (of: keyof typeof head): number => Math.max(...[head, ...lines].map((line) => line[of].length));
  const counts = width('counts');
  const forecast = width('forecast');
  // Addresses give way before the heat line does.
  const forAddresses = options.columns - counts - forecast - MIN_HEAT - 4;
  const source = Math.min(width('source'), Math.max(forAddresses >> 1, forAddresses - width('destination')));
  const destination = Math.min(width('destination'), forAddresses - source);
  const heat = Math.min(MAX_HEAT, options.columns - source - destination - counts - forecast - 4);
  const line = (cells: typeof head, drawing: string): string =>
    [
      fit(cells.source, source, options.isAscii),
      fit(cells.destination, destination, options.isAscii),
      drawing,
      cells.counts.padStart(counts),
      cells.forecast,
    ].join(' ');
  const drawn = rows.map((row, i) => {
    const drawing = drawHeat(row.cells, heat, options.isAscii).padEnd(heat);
    return line(lines[i]!, options.isColoured ? colour(drawing, row) : drawing);
  });
  return `${[line(head, 'PORTS'.padEnd(heat)), ...drawn].join('\n')}\n`;
}

/** At most `width` characters; each stands for the same number of neighbouring cells and shows how busy they are. */
export function drawHeat(cells: readonly PortCellRow[], width: number, isAscii: boolean): string {
  const scale = isAscii ? ASCII : BLOCKS;
  const count = Math.min(width, cells.length);
  let drawing = '';
  for (let i = 0; i < count; i++) {
    const from = Math.floor((i * cells.length) / count);
    const to = Math.floor(((i + 1) * cells.length) / count);
    let busy = 0;
    let ports = 0;
    for (const cell of cells.slice(from, to)) {
      busy += cell.used + cell.quarantined;
      ports += cell.ports - cell.unusable;
    }
    const share = ports <= 0 ? 1 : busy / ports;
    drawing += scale[Math.min(scale.length - 1, Math.floor(share * scale.length))];
  }
  return drawing;
}

export function describeForecast({ exhaustion_seconds: seconds, add_addresses: add }: PortRow): string {
  if (seconds === null) return 'never';
  if (seconds <= 0) return add === 0 ? 'now' : `now: add ${add} address${add === 1 ? '' : 'es'}`;
  if (seconds < 60) return `in ${Math.ceil(seconds)} s`;
  if (seconds < 2 * 3600) return `in ${Math.round(seconds / 60)} min`;
  if (seconds < 48 * 3600) return `in ${Math.round(seconds / 3600)} h`;
  return seconds < 100 * 86_400 ? `in ${Math.round(seconds / 86_400)} d` : 'in > 99 d';
}

/** Cut in the middle: the end of an address, with its port, says most. */
function fit(text: string, width: number, isAscii: boolean): string {
  if (text.length <= width) return text.padEnd(width);
  const gap = isAscii ? '~' : '…';
  const head = (width - 1) >> 1;
  return `${text.slice(0, head)}${gap}${text.slice(text.length - (width - 1 - head))}`;
}

function colour(drawing: string, { ports, free, unusable }: PortRow): string {
  const usable = ports - unusable;
  const share = usable <= 0 ? 1 : 1 - free / usable;
  const code = share >= RED_FROM ? 31 : share >= YELLOW_FROM ? 33 : 32;
  return `\u001b[${code}m${drawing}\u001b[0m`;
}
