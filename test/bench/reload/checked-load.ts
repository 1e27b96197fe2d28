import type { ChildProcess } from 'node:child_process';
import { type Children, nextMessage } from '../children.ts';

export type LoadCommand = { readonly type: 'hold' } | { readonly type: 'count' };

export interface LoadCounts {
  readonly requests: number;
  /** Requests that were not answered as they should have been, by why. */
  readonly failures: readonly (readonly [string, number])[];
  /** WebSockets that ended, or did not come about. */
  readonly lostWebSockets: number;
}

export type LoadEvent =
  /** The WebSocket that was asked for is open, or will not be. Once at the start as well. */
  { readonly type: 'held' } | ({ readonly type: 'counts' } & LoadCounts);

/** A process that asks without a pause and misses nothing. */
export class CheckedLoad {
  private readonly children: Children;
  private readonly child: ChildProcess;

  private constructor(children: Children, child: ChildProcess) {
    this.children = children;
    this.child = child;
  }

  static async start(children: Children, port: number, clients: number): Promise<CheckedLoad> {
    const child = children.fork(new URL('./load-client.js', import.meta.url), [String(port), String(clients)]);
    await nextMessage(child);
    return new CheckedLoad(children, child);
  }

  /** One more WebSocket, held to the end. */
  async hold(): Promise<void> {
    const held = nextMessage(this.child);
    this.child.send({ type: 'hold' } satisfies LoadCommand);
    await held;
  }

  async counts(): Promise<LoadCounts> {
    const counts = nextMessage<LoadCounts>(this.child);
    this.child.send({ type: 'count' } satisfies LoadCommand);
    return counts;
  }

  stop(): Promise<void> {
    return this.children.end(this.child);
  }
}
