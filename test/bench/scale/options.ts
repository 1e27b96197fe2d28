import { parseArgs } from 'node:util';
import { HOLDERS, type HolderName } from './holders.ts';

export interface ScaleOptions {
  readonly connections: number;
  readonly sources: number;
  readonly planes: number;
  readonly through: readonly HolderName[];
}

export const USAGE = `npm run scale -- [flags]
  --connections N   WebSockets open at once through the balancer to one destination (70000)
  --sources N       source addresses (2)
  --planes N        data-plane processes (24): they share one accept queue unevenly, and a full one refuses
  --through A,B     what holds them, one after the other: portico, haproxy, nginx (portico)`;

/** Throws with a sentence for the user. */
export function parseOptions(args: readonly string[]): ScaleOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      connections: { type: 'string', default: '70000' },
      sources: { type: 'string', default: '2' },
      planes: { type: 'string', default: '24' },
      through: { type: 'string', default: 'portico' },
    },
  });
  const count = (flag: 'connections' | 'sources' | 'planes', high: number): number => {
    const value = Number(values[flag]);
    if (!Number.isInteger(value) || value < 1 || value > high)
      throw new Error(`--${flag} takes a whole number from 1 to ${high}, not "${values[flag]}"`);
    return value;
  };
  const through = values.through.split(',').map((name) => {
    const found = HOLDERS.find((known) => known === name);
    if (found === undefined) throw new Error(`--through takes ${HOLDERS.join(', ')}, not "${name}"`);
    return found;
  });
  return {
    connections: count('connections', 1_000_000),
    sources: count('sources', 250),
    planes: count('planes', 64),
    through,
  };
}
