import { fileURLToPath } from 'node:url';
import type { Lineage } from './lineage.ts';
import { LinkedProcess } from './linked-process.ts';

const PROGRAM = {
  path: fileURLToPath(new URL('../lb/plane-main.js', import.meta.url)),
  /**
   * V8's young generation grows to 16 MiB a half by default, which the few objects of the data plane do not need; with 9,000 idle WebSockets
   * a smaller one saves 1.5 KB for each. Garbage is collected when memory is short.
   */
  flags: ['--max-semi-space-size=2', '--expose-gc'],
};

/** A data-plane process that waits to be told what to do. */
export function startPlane(lineage: Lineage, id: string): LinkedProcess {
  return LinkedProcess.start(lineage.binding, { ...lineage, id }, PROGRAM);
}
