import { lineWeights } from './line-weights.ts';
import type { ServerLine } from './server-lines.ts';
import type { StatRow } from './stat-table.ts';

/** What HAProxy was told of a line, and what it said. */
export interface LineState {
  readonly line: ServerLine;
  weight: number;
  admin: 'ready' | 'drain' | 'maint';
  /** Ports that are taken, as of the last look. */
  used: number;
  idle: number;
}

/** A weight is changed when it is wrong by more than this share of itself: each change makes HAProxy reckon anew. */
const TOLERANCE = 1 / 8;

export const lineKey = ({ proxy, name }: ServerLine): string => `${proxy.name}/${name}`;
export const sizeOf = ({ run: { first, last } }: ServerLine): number => last - first + 1;

/** Takes in how many ports each line has taken. */
export function readUse(states: ReadonlyMap<string, LineState>, rows: readonly StatRow[]): void {
  for (const row of rows) {
    const state = states.get(`${row.proxy}/${row.name}`);
    if (state === undefined) continue;
    state.idle = row.number('idle_conn_cur');
    state.used = Math.max(row.number('scur'), row.number('used_conn_cur'));
  }
}

export const freeOf = ({ line, used, idle }: LineState): number => Math.max(0, sizeOf(line) - used - idle);

/**
 * The commands that put the lines right. `adminOf` says what is wanted of a line now, `weightOf` the weight of its server. Hashed backends keep
 * their weights: each change would move clients to other servers.
 */
export function steer(
  states: Iterable<LineState>,
  adminOf: (line: ServerLine) => LineState['admin'],
  weightOf: (line: ServerLine) => number,
): string[] {
  const commands: string[] = [];
  const byProxy = new Map<string, LineState[]>();
  for (const state of states) {
    const { name } = state.line.proxy;
    byProxy.set(name, [...(byProxy.get(name) ?? []), state]);
    const admin = adminOf(state.line);
    if (admin === state.admin) continue;
    state.admin = admin;
    commands.push(`set server ${lineKey(state.line)} state ${admin}`);
  }
  for (const all of byProxy.values()) {
    const { balance } = all[0]!.line.proxy.backend;
    const isHashed = balance === 'hash' || balance === 'maglev';
    const open = all.filter(({ admin }) => admin === 'ready');
    const weights = lineWeights(
      open.map((state) => ({
        server: state.line.server.id,
        weight: weightOf(state.line),
        free: isHashed ? sizeOf(state.line) : freeOf(state),
      })),
    );
    open.forEach((state, i) => {
      const wanted = weights[i]!;
      const isFar = Math.abs(wanted - state.weight) > Math.max(1, state.weight * TOLERANCE);
      if (!isFar && (wanted === 0) === (state.weight === 0)) return;
      state.weight = wanted;
      commands.push(`set server ${lineKey(state.line)} weight ${wanted}`);
    });
  }
  return commands;
}
