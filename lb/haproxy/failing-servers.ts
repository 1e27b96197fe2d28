import { freeOf, type LineState, lineKey } from './line-steering.ts';
import type { ServerLine } from './server-lines.ts';
import type { StatRow } from './stat-table.ts';

interface Counts {
  readonly tries: number;
  readonly failures: number;
}

const NOTHING: Counts = { tries: 0, failures: 0 };

/**
 * Servers of which every try failed lately. HAProxy tries a request again at another line, which may be one of the same server: with
 * `leastconn` it is, as lines without connections come first. So such a server keeps one line, until a try of it succeeds, and HAProxy knows
 * which one to avoid.
 */
export class FailingServers {
  private readonly last = new Map<string, Counts>();
  /** The line that each of them keeps. */
  private readonly kept = new Map<string, LineState>();

  /** Looks at all lines as `show stat` tells of them. */
  read(states: ReadonlyMap<string, LineState>, rows: readonly StatRow[]): void {
    const grown = this.grownOf(states, rows);
    const servers = new Map<string, LineState[]>();
    const proxies = new Map<string, Set<string>>();
    for (const state of states.values()) {
      const { proxy, server } = state.line;
      const key = serverKey(state.line);
      servers.set(key, [...(servers.get(key) ?? []), state]);
      proxies.set(proxy.name, (proxies.get(proxy.name) ?? new Set()).add(server.id));
    }
    for (const [key, kept] of this.kept) {
      if (states.get(lineKey(kept.line)) !== kept || kept.admin !== 'ready') this.kept.delete(key);
    }
    for (const [key, lines] of servers) {
      const { tries, failures } = grown.get(key) ?? NOTHING;
      if (tries > failures) this.kept.delete(key);
      else if (failures > 0 && !this.kept.has(key) && proxies.get(lines[0]!.line.proxy.name)!.size > 1) {
        const ready = lines.filter(({ admin }) => admin === 'ready').sort((a, b) => freeOf(b) - freeOf(a));
        if (ready.length > 1) this.kept.set(key, ready[0]!);
      }
    }
  }

  /** Whether nothing new is to go over the line. */
  rests(line: ServerLine): boolean {
    const kept = this.kept.get(serverKey(line));
    return kept !== undefined && kept.line !== line;
  }

  /** By server, since the last look. A redispatch is counted where it came from. */
  private grownOf(states: ReadonlyMap<string, LineState>, rows: readonly StatRow[]): ReadonlyMap<string, Counts> {
    const grown = new Map<string, Counts>();
    for (const row of rows) {
      const key = `${row.proxy}/${row.name}`;
      const state = states.get(key);
      if (state === undefined) continue;
      const now = {
        tries: row.number('connect') + row.number('reuse'),
        failures: row.number('wredis') + row.number('econ') + row.number('eresp'),
      };
      const before = this.last.get(key);
      this.last.set(key, now);
      // A new worker counts from zero.
      const from = before === undefined || now.tries < before.tries ? NOTHING : before;
      const server = serverKey(state.line);
      const sum = grown.get(server) ?? NOTHING;
      grown.set(server, {
        tries: sum.tries + now.tries - from.tries,
        failures: sum.failures + Math.max(0, now.failures - from.failures),
      });
    }
    for (const key of this.last.keys()) if (!states.has(key)) this.last.delete(key);
    return grown;
  }
}

const serverKey = ({ proxy, server }: ServerLine): string => `${proxy.name}/${server.id}`;
