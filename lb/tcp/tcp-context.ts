import { Arena } from '../net/arena.ts';
import type { TcpNetwork } from '../net/tcp-stream.ts';

const SLAB_BYTES = 1 << 18;

/** What all relays of one plane share. */
export class TcpContext {
  readonly network: TcpNetwork;
  /** The time as of the last tick: exact enough for timeouts, and free to read. */
  tickMs: number;
  /** Bytes on their way; committed only when the kernel does not take them at once. */
  readonly outgoing = new Arena(SLAB_BYTES);

  constructor(deps: { readonly network: TcpNetwork; readonly nowMs: number }) {
    this.network = deps.network;
    this.tickMs = deps.nowMs;
  }
}
