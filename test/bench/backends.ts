import { fork } from 'node:child_process';
import { once } from 'node:events';

const FIRST_PORT = 7201;

/** Starts `count` server processes; they end with this one. */
export async function startBackends(
  count: number,
): Promise<{ readonly ports: number[]; readonly pids: number[]; stop(): Promise<void> }> {
  let isOver = false;
  const children = await Promise.all(
    Array.from({ length: count }, async (_, i) => {
      const child = fork(new URL('./backend.js', import.meta.url), [String(FIRST_PORT + i)]);
      await once(child, 'message');
      // Without its servers a comparison says nothing.
      child.once('exit', (code, signal) => {
        if (!isOver) throw new Error(`a server of the comparison ended (${signal ?? code})`);
      });
      return child;
    }),
  );
  return {
    ports: children.map((_, i) => FIRST_PORT + i),
    pids: children.map(({ pid }) => pid!),
    stop: async () => {
      isOver = true;
      for (const child of children) child.kill('SIGKILL');
    },
  };
}
