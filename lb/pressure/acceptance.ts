import type { TcpHandle } from '../net/tcp-binding.ts';

export interface AcceptanceDeps {
  /** Accepts from the socket; returns 0 or a negative errno. */
  readonly listen: (listener: string, socket: TcpHandle) => number;
  /** Closes the socket that it accepts from. */
  readonly rest: (listener: string) => void;
  /** Another descriptor of the same socket; undefined where none is to be had now. */
  readonly copy: (socket: TcpHandle, done: (copy: TcpHandle | undefined) => void) => void;
}

interface Socket {
  /** Accepted from; undefined while nothing is. */
  listening: TcpHandle | undefined;
  /**
   * Kept for when nothing is accepted: libuv has no way to leave a listening socket alone but to close it. It is made ahead, as it could not
   * be when it is needed.
   */
  spare: TcpHandle | undefined;
  isCopying: boolean;
}

/**
 * The sockets that a plane accepts from, and whether it does. While it does not, clients wait in the kernel's queue, which other planes
 * take from too.
 */
export class Acceptance {
  private readonly deps: AcceptanceDeps;
  private readonly sockets = new Map<string, Socket>();
  private held = false;

  constructor(deps: AcceptanceDeps) {
    this.deps = deps;
  }

  get isHeld(): boolean {
    return this.held;
  }

  /** One descriptor of each socket, for another process. */
  get handles(): ReadonlyMap<string, TcpHandle> {
    const handles = new Map<string, TcpHandle>();
    for (const [name, { listening, spare }] of this.sockets) {
      const handle = listening ?? spare;
      if (handle !== undefined) handles.set(name, handle);
    }
    return handles;
  }

  /** Accepts from it, in place of the one before of that listener. Returns 0 or a negative errno. */
  add(listener: string, handle: TcpHandle): number {
    const status = this.deps.listen(listener, handle);
    if (status !== 0) return status;
    this.sockets.get(listener)?.spare?.close();
    this.sockets.set(listener, { listening: handle, spare: undefined, isCopying: false });
    this.prepare();
    return 0;
  }

  /** The listener is gone; whoever accepted for it has closed what it accepted from. */
  remove(listener: string): void {
    this.sockets.get(listener)?.spare?.close();
    this.sockets.delete(listener);
  }

  /** Accepts nothing more until `release`. To be called again as long as that holds: what has no spare yet goes on until it has. */
  hold(): void {
    this.held = true;
    for (const [listener, socket] of this.sockets) {
      if (socket.listening === undefined || socket.spare === undefined) continue;
      this.deps.rest(listener);
      socket.listening = undefined;
    }
    this.prepare();
  }

  /** To be called again as long as it holds: a socket that could not be accepted from is tried anew. */
  release(): void {
    this.held = false;
    for (const [listener, socket] of this.sockets) {
      const { listening, spare } = socket;
      if (listening !== undefined || spare === undefined) continue;
      if (this.deps.listen(listener, spare) !== 0) continue;
      socket.listening = spare;
      socket.spare = undefined;
    }
    this.prepare();
  }

  private prepare(): void {
    for (const [listener, socket] of this.sockets) {
      if (socket.spare !== undefined || socket.isCopying || socket.listening === undefined) continue;
      socket.isCopying = true;
      this.deps.copy(socket.listening, (copy) => {
        socket.isCopying = false;
        if (copy === undefined) return;
        if (this.sockets.get(listener) === socket && socket.spare === undefined) socket.spare = copy;
        else copy.close();
        if (this.held) this.hold();
      });
    }
  }

  /** Whoever accepts has stopped: the rest is closed. Idempotent. */
  close(): void {
    for (const { spare } of this.sockets.values()) spare?.close();
    this.sockets.clear();
  }
}
