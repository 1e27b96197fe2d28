import type { Engine } from '../lb/engine/engine.ts';

/** The engine that a listener calls by this name and that runs in the primary. Throws for one that there is not: the config is to refuse it. */
export function createPrimaryEngine(name: string): Engine {
  throw new RangeError(`there is no engine "${name}"`);
}
