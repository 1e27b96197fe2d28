import type { StatusTick } from '../api/answers.ts';

/** Columns of equal length, oldest first: what charts draw. */
export interface Columns {
  /** Unix seconds. */
  readonly time: number[];
  /** Requests per second, by how they were answered. */
  readonly ok: number[];
  readonly errors: number[];
  /** Milliseconds; null without requests. */
  readonly p50: (number | null)[];
  readonly p99: (number | null)[];
  readonly connections: number[];
  /** Source ports towards all destinations together. */
  readonly ports: number[];
}

/** The last minutes, as this page saw them: the server keeps none. */
export class History {
  readonly columns: Columns = { time: [], ok: [], errors: [], p50: [], p99: [], connections: [], ports: [] };
  private readonly most: number;

  constructor(most = 600) {
    this.most = most;
  }

  add(tick: StatusTick): void {
    const { columns } = this;
    columns.time.push(Date.parse(tick.time) / 1000);
    columns.ok.push(tick.requests_per_second - tick.errors_per_second);
    columns.errors.push(tick.errors_per_second);
    columns.p50.push(inMs(tick.p50_seconds));
    columns.p99.push(inMs(tick.p99_seconds));
    columns.connections.push(tick.connections);
    columns.ports.push(tick.ports.used);
    if (columns.time.length > this.most) for (const column of Object.values(columns)) column.shift();
  }
}

const inMs = (seconds: number | null): number | null => (seconds === null ? null : seconds * 1000);
