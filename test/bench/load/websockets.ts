import type { ChildProcess } from 'node:child_process';
import { type Children, nextMessage } from '../children.ts';

export type ClientCommand = { readonly type: 'echo'; readonly seconds: number } | { readonly type: 'check' };

export type ClientEvent =
  /** All handshakes were answered with 101. */
  | { readonly type: 'opened' }
  | { readonly type: 'echoed'; readonly messages: number; readonly broken: number; readonly seconds: number }
  | { readonly type: 'checked'; readonly open: number };

/** A process that holds WebSockets to one balancer. */
export class WebSocketLoad {
  private readonly children: Children;
  private readonly child: ChildProcess;

  private constructor(children: Children, child: ChildProcess) {
    this.children = children;
    this.child = child;
  }

  /** Resolves when all `connections` are open; rejects when one is refused. */
  static async open(children: Children, port: number, connections: number): Promise<WebSocketLoad> {
    const module = new URL('./websocket-client.js', import.meta.url);
    const load = new WebSocketLoad(children, children.fork(module, [String(port), String(connections)]));
    await load.expect('opened');
    return load;
  }

  get pid(): number {
    return this.child.pid!;
  }

  /** Sends a message over each, and the next when it has come back. */
  echo(seconds: number): Promise<Extract<ClientEvent, { type: 'echoed' }>> {
    this.child.send({ type: 'echo', seconds } satisfies ClientCommand);
    return this.expect('echoed');
  }

  /** How many are still open. */
  async countOpen(): Promise<number> {
    this.child.send({ type: 'check' } satisfies ClientCommand);
    return (await this.expect('checked')).open;
  }

  close(): Promise<void> {
    return this.children.end(this.child);
  }

  private async expect<T extends ClientEvent['type']>(type: T): Promise<Extract<ClientEvent, { type: T }>> {
    const event = await nextMessage<ClientEvent>(this.child);
    if (event.type !== type) throw new Error(`the client said "${event.type}" instead of "${type}"`);
    return event as Extract<ClientEvent, { type: T }>;
  }
}
