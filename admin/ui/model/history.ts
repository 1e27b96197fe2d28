import type { Overview } from '../api/types.ts';
import type { Rates } from './rates.ts';

/** Columns of equal length, oldest first: what charts draw. */
export interface Columns {
  /** Unix seconds. */
  readonly time: number[];
  readonly ok: number[];
  readonly clientErrors: number[];
  readonly serverErrors: number[];
  /** Milliseconds; null without requests. */
  readonly p50: (number | null)[];
  readonly p99: (number | null)[];
  readonly connections: number[];
  /** Source ports towards all destinations together. */
  readonly ports: number[];
}

/** The last minutes, as this page saw them: the server keeps none. */
export class History {
  readonly columns: Columns = {
    time: [],
    ok: [],
    clientErrors: [],
    serverErrors: [],
    p50: [],
    p99: [],
    connections: [],
    ports: [],
  };
  private readonly most: number;

  constructor(most = 600) {
    this.most = most;
  }

  add(unixSeconds: number, { listeners, pools }: Overview, { all }: Rates): void {
    const { columns } = this;
    const [, informed = 0, fine = 0, redirected = 0, clientErrors = 0, serverErrors = 0] = all.byClass;
    columns.time.push(unixSeconds);
    columns.ok.push(informed + fine + redirected);
    columns.clientErrors.push(clientErrors);
    columns.serverErrors.push(serverErrors);
    columns.p50.push(inMs(all.p50));
    columns.p99.push(inMs(all.p99));
    columns.connections.push(listeners.reduce((sum, { connections }) => sum + connections, 0));
    columns.ports.push(pools.reduce((sum, { used }) => sum + used, 0));
    if (columns.time.length > this.most) for (const column of Object.values(columns)) column.shift();
  }
}

const inMs = (seconds: number | undefined): number | null => (seconds === undefined ? null : seconds * 1000);
