import type { Config } from '../config/config.ts';
import type { Engine } from '../lb/engine/engine.ts';
import { HaproxyEngine, type HaproxyEngineDeps } from './haproxy-engine.ts';
import { KernelEngine, type KernelEngineDeps } from './kernel-engine.ts';

export interface PrimaryEngineDeps extends KernelEngineDeps {
  readonly haproxy: Pick<HaproxyEngineDeps, 'directory' | 'tls' | 'planes'>;
}

/** The engine that a listener calls by this name and that runs in the primary. Throws for one that there is not: the config is to refuse it. */
export function createPrimaryEngine(name: string, deps: PrimaryEngineDeps, config: Config): Engine {
  if (name === 'kernel') return new KernelEngine(deps, config);
  if (name === 'haproxy') {
    // Another program than the one in PATH.
    const { PORTICO_HAPROXY: command = 'haproxy' } = process.env;
    return new HaproxyEngine({ ...deps, ...deps.haproxy, command }, config);
  }
  throw new RangeError(`there is no engine "${name}"`);
}
