import { type Children, nextMessage } from '../children.ts';
import { cpuMicroseconds } from '../process-usage.ts';

/** What a client counted. */
export interface LoadEvent {
  readonly opened: number;
  readonly failed: number;
  readonly bytes: number;
  readonly seconds: number;
}

const CLIENT = new URL('./client.js', import.meta.url);

/** Runs a load to its end; `cpuMs` is what process `pid` took for it. */
export async function runLoad(
  children: Children,
  what: 'churn' | 'stream',
  { port, pid }: { readonly port: number; readonly pid: number },
  { connections, seconds }: { readonly connections: number; readonly seconds: number },
): Promise<LoadEvent & { readonly cpuMicroseconds: number }> {
  const before = cpuMicroseconds(pid);
  const child = children.fork(CLIENT, [what, String(port), String(connections), String(seconds)]);
  try {
    const event = await nextMessage<LoadEvent>(child);
    return { ...event, cpuMicroseconds: cpuMicroseconds(pid) - before };
  } finally {
    await children.end(child);
  }
}

/** Opens connections, has a message go there and back on each, and leaves them open; `end` rejects if one was lost. */
export async function holdConnections(
  children: Children,
  port: number,
  connections: number,
): Promise<{ end(): Promise<void> }> {
  const child = children.fork(CLIENT, ['hold', String(port), String(connections), '0']);
  const { failed } = await nextMessage<LoadEvent>(child);
  if (failed > 0) throw new Error(`${failed} of ${connections} connections could not be opened`);
  return {
    end: async () => {
      child.send('count');
      const event = await nextMessage<LoadEvent>(child);
      await children.end(child);
      if (event.failed > 0) throw new Error(`${event.failed} of ${connections} connections were lost`);
    },
  };
}
