import type { Pair } from './tls-material.ts';

/** Certificates of different kinds of keys for the same names. */
export interface ContextPlan {
  readonly names: readonly string[];
  readonly pairs: readonly Pair[];
}

/**
 * Which certificates serve which names: of each kind of key the first that has the name. The first plan is the one for clients that give
 * no name, or an unknown one: it has the first certificate.
 */
export function planContexts(pairs: readonly Pair[]): readonly ContextPlan[] {
  const plans = new Map<string, { names: string[]; pairs: readonly Pair[] }>();
  const plan = (name: string | undefined, chosen: readonly Pair[]): void => {
    const key = chosen.map((pair) => pairs.indexOf(pair)).join();
    const known = plans.get(key) ?? { names: [], pairs: chosen };
    if (name !== undefined) known.names.push(name);
    plans.set(key, known);
  };
  const [first] = pairs;
  if (first === undefined) return [];
  plan(undefined, first.names[0] === undefined ? [first] : serving(first.names[0], pairs));
  for (const name of new Set(pairs.flatMap(({ names }) => names))) plan(name, serving(name, pairs));
  return [...plans.values()];
}

function serving(name: string, pairs: readonly Pair[]): readonly Pair[] {
  const byType = new Map<string, Pair>();
  for (const pair of pairs) {
    if (pair.names.includes(name) && !byType.has(pair.keyType)) byType.set(pair.keyType, pair);
  }
  return [...byType.values()];
}
