import type { WorkerCommand } from '../../lb/control/messages.ts';

/**
 * Runs `drain` when Portico asks for it or is gone. Portico's planes have finished with this worker by then. A worker that runs by itself
 * drains on SIGTERM and SIGINT; under Portico a terminal's Ctrl-C reaches it too, and is the primary's to interpret.
 */
export function setDrainHandler(drain: () => void): void {
  const isSupervised = process.send !== undefined;
  process.on('message', (command: WorkerCommand) => {
    if (command.type === 'drain') drain();
  });
  process.on('disconnect', drain);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, isSupervised ? () => {} : drain);
}
