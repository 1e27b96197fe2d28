import { type Children, nextMessage } from '../children.ts';

export interface OpenLoopResult {
  readonly requests: number;
  /** Requests without an answer, and connections that were closed. */
  readonly errors: number;
  readonly p50Us: number;
  readonly p99Us: number;
  /** How late the client itself came to a request that was due: a part of the latencies that no balancer caused. */
  readonly clientLatenessP99Us: number;
}

export function runOpenLoop(
  children: Children,
  load: { readonly port: number; readonly rate: number; readonly seconds: number; readonly connections: number },
): Promise<OpenLoopResult> {
  const { port, rate, seconds, connections } = load;
  const module = new URL('./open-loop-client.js', import.meta.url);
  // Collections of the client would show as latency: a large young generation makes them rare.
  const flags = ['--max-semi-space-size=64', '--min-semi-space-size=64'];
  return nextMessage(children.fork(module, [port, rate, seconds, connections].map(String), flags));
}
