import type { CounterSums } from './counter-sums.ts';
import { freeOf, type LineState, lineKey } from './line-steering.ts';
import { checkName, type ServerLine } from './server-lines.ts';

interface Counts {
  readonly tries: number;
  readonly failures: number;
}

/**
 * Servers of which every try failed lately. HAProxy tries a request again at another line, which may be one of the same server: with
 * `leastconn` it is, as lines without connections come first. So such a server keeps one line, until a try of it succeeds, and HAProxy knows
 * which one to avoid.
 */
export class FailingServers {
  private last: ReadonlyMap<string, Counts> = new Map();
  /** The line that each of them keeps. */
  private readonly kept = new Map<string, LineState>();

  /** Looks at what has been counted since the last look. */
  read(states: ReadonlyMap<string, LineState>, sums: CounterSums): void {
    for (const [key, kept] of this.kept) {
      if (states.get(lineKey(kept.line)) !== kept || kept.admin !== 'ready') this.kept.delete(key);
    }
    const counts = new Map<string, Counts>();
    for (const { line } of states.values()) {
      const key = serverKey(line);
      if (counts.has(key)) continue;
      const now = countsOf(line, sums);
      counts.set(key, now);
      const before = this.last.get(key);
      const tries = now.tries - (before?.tries ?? 0);
      const failures = now.failures - (before?.failures ?? 0);
      if (tries > failures) this.kept.delete(key);
      else if (failures > 0 && !this.kept.has(key)) this.keepOne(line, states);
    }
    this.last = counts;
  }

  /** Whether nothing new is to go over the line. */
  rests(line: ServerLine): boolean {
    const kept = this.kept.get(serverKey(line));
    return kept !== undefined && kept.line !== line;
  }

  /** That with the most ports, where there are servers to go to instead. */
  private keepOne({ proxy, server }: ServerLine, states: ReadonlyMap<string, LineState>): void {
    const ofProxy = [...states.values()].filter(({ line }) => line.proxy.name === proxy.name);
    const own = ofProxy.filter(({ line }) => line.server.id === server.id);
    const [kept, ...others] = own.filter(({ admin }) => admin === 'ready').sort((a, b) => freeOf(b) - freeOf(a));
    if (kept !== undefined && others.length > 0 && own.length < ofProxy.length) {
      this.kept.set(serverKey(kept.line), kept);
    }
  }
}

/** A redispatch is counted where it came from. */
function countsOf({ proxy, server }: ServerLine, sums: CounterSums): Counts {
  const of = (counter: Parameters<CounterSums['ofServer']>[2]): number =>
    sums.ofServer(proxy.name, checkName(server), counter);
  return { tries: of('connect') + of('reuse'), failures: of('wredis') + of('econ') + of('eresp') };
}

const serverKey = ({ proxy, server }: ServerLine): string => `${proxy.name}/${server.id}`;
