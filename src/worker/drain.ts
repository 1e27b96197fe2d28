import { workerLink } from './link.ts';

/**
 * Runs `drain` when Portico asks for it. Portico's planes have finished with this worker by then. A worker that runs by itself drains on
 * SIGTERM and SIGINT.
 */
export function setDrainHandler(drain: () => void): void {
  const link = workerLink();
  if (link !== undefined) link.onDrain(drain);
  else for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, drain);
}
