import type { Config } from '../config/config.ts';
import type { Engine } from '../lb/engine/engine.ts';
import { HaproxyEngine } from './haproxy-engine.ts';
import { haproxyPlace } from './haproxy-place.ts';
import { KernelEngine, type KernelEngineDeps } from './kernel-engine.ts';

export type PrimaryEngineDeps = KernelEngineDeps;

/** The engine that a listener calls by this name and that runs in the primary. Throws for one that there is not: the config is to refuse it. */
export function createPrimaryEngine(name: string, deps: PrimaryEngineDeps, config: Config): Engine {
  if (name === 'kernel') return new KernelEngine(deps);
  if (name === 'haproxy') return new HaproxyEngine({ ...deps, ...haproxyPlace(config) }, config);
  throw new RangeError(`there is no engine "${name}"`);
}
