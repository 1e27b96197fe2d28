import { type Children, nextMessage } from './children.ts';
import { accepts } from './launch.ts';

/** Starts `count` server processes on the ports from `firstPort` on, and resolves with their ports. They end with the harness. */
export function startBackends(children: Children, firstPort: number, count: number): Promise<number[]> {
  return Promise.all(
    Array.from({ length: count }, async (_, i) => {
      const port = firstPort + i;
      if (await accepts(port)) throw new Error(`port ${port} is in use; does another benchmark run?`);
      await nextMessage(children.fork(new URL('./backend.js', import.meta.url), [String(port)]));
      return port;
    }),
  );
}
