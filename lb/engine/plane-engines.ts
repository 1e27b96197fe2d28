import { HttpEngine } from '../http/http-engine.ts';
import { TcpEngine } from '../tcp/tcp-engine.ts';
import type { PlaneEngine, PlaneEngineDeps } from './plane-engine.ts';

/** The engines that run in planes, by the name that a listener calls them by. Every other one runs in the primary. */
const PLANE_ENGINES = {
  http: (deps: PlaneEngineDeps): PlaneEngine => new HttpEngine(deps),
  tcp: (deps: PlaneEngineDeps): PlaneEngine => new TcpEngine(deps),
};

export type PlaneEngineName = keyof typeof PLANE_ENGINES;

export const PLANE_ENGINE_NAMES = Object.keys(PLANE_ENGINES) as readonly PlaneEngineName[];

export function runsInPlanes(engine: string): engine is PlaneEngineName {
  return Object.hasOwn(PLANE_ENGINES, engine);
}

export function createPlaneEngine(name: PlaneEngineName, deps: PlaneEngineDeps): PlaneEngine {
  return PLANE_ENGINES[name](deps);
}
