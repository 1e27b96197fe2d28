import type { ListenerConfig } from '../config/config.ts';
import type { Clock } from '../lb/clock.ts';
import { runsInPlanes } from '../lb/engine/plane-engines.ts';
import type { LimitUnsent } from '../lb/net/limit-unsent.ts';
import { ListenError, type ListenSocket, openListenSocket, toListenSocket } from '../lb/net/listen-socket.ts';
import type { TcpBinding, TcpHandle } from '../lb/net/tcp-binding.ts';
import { StartError } from './start-error.ts';

const POLL_MS = 20;

/** The bound sockets of the listeners. The planes accept from them; this process never does. */
export class ListenSockets {
  /** The bound port of each listener. */
  readonly ports: Record<string, number> = {};
  /** Of the listeners that planes accept for, by name. */
  readonly accepting = new Map<string, ListenSocket>();
  /** Where no plane accepts, a socket only keeps other programs from taking for theirs what they would never get. */
  private readonly reserved = new Map<string, ListenSocket>();
  private readonly binding: TcpBinding;
  private readonly limitUnsent: LimitUnsent;

  constructor(binding: TcpBinding, limitUnsent: LimitUnsent) {
    this.binding = binding;
    this.limitUnsent = limitUnsent;
  }

  /** A socket that is bound already, and that planes may be accepting from. */
  adopt(name: string, handle: TcpHandle): void {
    const socket = toListenSocket(handle);
    this.accepting.set(name, socket);
    this.ports[name] = socket.port;
  }

  /** One that was adopted stays. Throws StartError. */
  bind(listener: ListenerConfig): void {
    if (!this.accepting.has(listener.name)) this.open(listener);
    this.setOptions(listener);
  }

  private open({ name, host, port, engine, protocol }: ListenerConfig): void {
    this.ports[name] = port;
    const isInPlanes = runsInPlanes(engine);
    // HAProxy binds by itself: it would find the place taken.
    if (engine === 'haproxy' || (!isInPlanes && protocol === 'udp')) return;
    try {
      const socket = openListenSocket(this.binding, host, port);
      (isInPlanes ? this.accepting : this.reserved).set(name, socket);
      this.ports[name] = socket.port;
    } catch (cause) {
      if (!(cause instanceof ListenError)) throw cause;
      throw new StartError(explainListen(cause.code, name, host, port), { cause });
    }
  }

  /** As `bind`; for so long it waits for addresses that are in use, as another program is just letting go of them. Rejects with StartError. */
  async bindAll(listeners: readonly ListenerConfig[], clock: Clock, patienceMs: number): Promise<void> {
    const untilMs = clock.now() + patienceMs;
    for (const listener of listeners) {
      while (!this.isBound(listener, clock.now() < untilMs)) {
        await new Promise<void>((resolve) => {
          clock.after(POLL_MS, resolve);
        });
      }
    }
  }

  /** Throws StartError, where it `mayWait` only for what does not pass. */
  private isBound(listener: ListenerConfig, mayWait: boolean): boolean {
    try {
      this.bind(listener);
      return true;
    } catch (error) {
      const { cause } = error as Error;
      if (mayWait && cause instanceof ListenError && cause.code === 'EADDRINUSE') return false;
      throw error;
    }
  }

  /**
   * Binds what `next` has and the listeners before had not; a socket goes from one listener to another where only the name of its address
   * changes. Nothing is in force before `commit`. Throws StartError; all is as before then.
   */
  prepare(before: readonly ListenerConfig[], next: readonly ListenerConfig[]): SocketChange {
    const old = new Map([...this.accepting, ...this.reserved]);
    const unused = new Map(before.flatMap((listener) => (old.has(listener.name) ? [[listener.name, listener]] : [])));
    const chosen = new Map<string, ListenSocket>();
    for (const listener of next) {
      const same = unused.get(listener.name);
      if (same === undefined || !isAtSamePlace(same, listener) || !needsSocket(listener)) continue;
      chosen.set(listener.name, old.get(listener.name)!);
      unused.delete(listener.name);
    }
    const opened = new ListenSockets(this.binding, this.limitUnsent);
    try {
      for (const listener of next) {
        if (chosen.has(listener.name) || !needsSocket(listener)) continue;
        const other = [...unused.values()].find((each) => each.port !== 0 && isAtSamePlace(each, listener));
        if (other === undefined) opened.bind(listener);
        else unused.delete(other.name);
        const socket = other === undefined ? opened.of(listener.name)! : old.get(other.name)!;
        chosen.set(listener.name, socket);
      }
    } catch (error) {
      opened.close();
      throw error instanceof StartError ? this.explainOwn(error, before, next) : error;
    }
    const moved = (
      from: readonly ListenerConfig[],
      to: readonly ListenerConfig[],
      names: ReadonlySet<string>,
    ): string[] => {
      const engineOf = new Map(from.map(({ name, engine }) => [name, engine]));
      return to
        .filter(({ name, engine }) => runsInPlanes(engine) && (names.has(name) || engineOf.get(name) !== engine))
        .map(({ name }) => name);
    };
    const changed = new Set([...old.keys(), ...chosen.keys()].filter((name) => chosen.get(name) !== old.get(name)));
    return {
      moved: moved(before, next, changed),
      movedBack: moved(next, before, changed),
      commit: () => this.replace(next, chosen),
      finish: () => {
        for (const name of unused.keys()) old.get(name)!.close();
      },
      abort: () => {
        this.replace(before, old);
        opened.close();
      },
    };
  }

  private of(name: string): ListenSocket | undefined {
    return this.accepting.get(name) ?? this.reserved.get(name);
  }

  /** For the connections accepted from now on. */
  private setOptions({ name, limits }: ListenerConfig): void {
    const socket = this.accepting.get(name);
    if (socket !== undefined) this.limitUnsent(socket.handle, limits.unsentBytes);
  }

  private replace(listeners: readonly ListenerConfig[], sockets: ReadonlyMap<string, ListenSocket>): void {
    this.accepting.clear();
    this.reserved.clear();
    for (const name of Object.keys(this.ports)) delete this.ports[name];
    for (const listener of listeners) {
      const { name, port, engine } = listener;
      const socket = sockets.get(name);
      this.ports[name] = socket?.port ?? port;
      if (socket !== undefined) (runsInPlanes(engine) ? this.accepting : this.reserved).set(name, socket);
      this.setOptions(listener);
    }
  }

  /** Says so where it is a listener of ours that stands in the way. */
  private explainOwn(
    error: StartError,
    before: readonly ListenerConfig[],
    next: readonly ListenerConfig[],
  ): StartError {
    const { code } = (error.cause ?? {}) as { code?: string };
    const own = before.find(
      ({ port, protocol }) => port !== 0 && protocol === 'tcp' && next.some((each) => each.port === port),
    );
    if (code !== 'EADDRINUSE' || own === undefined || !error.message.includes(`port ${own.port} `)) return error;
    return new StartError(
      `port ${own.port} is held by listener "${own.name}" at ${own.host}:${own.port}; an address that overlaps it can be bound once that listener is gone: remove it, reload, and add the new one, or restart.`,
      { cause: error },
    );
  }

  /** Idempotent. */
  close(): void {
    for (const socket of [...this.accepting.values(), ...this.reserved.values()]) socket.close();
  }
}

/** Other sockets for other listeners. */
export interface SocketChange {
  /** Listeners that planes have to be given the socket of. */
  readonly moved: readonly string[];
  /** The same for an `abort` after `commit`. */
  readonly movedBack: readonly string[];
  /** They are those of the listeners from now on. */
  commit(): void;
  /** Closes those that nobody needs any more. After `commit`. */
  finish(): void;
  /** All is as before. */
  abort(): void;
}

function needsSocket({ engine, protocol }: ListenerConfig): boolean {
  return runsInPlanes(engine) || (engine !== 'haproxy' && protocol !== 'udp');
}

function isAtSamePlace(a: ListenerConfig, b: ListenerConfig): boolean {
  return a.host === b.host && a.port === b.port && a.protocol === b.protocol;
}

function explainListen(code: string, name: string, host: string, port: number): string {
  const where = `listener "${name}" at ${host}:${port}`;
  switch (code) {
    case 'EADDRINUSE':
      return `port ${port} is in use by another program (${where}); stop that program or change "bind".`;
    case 'EACCES':
      return `port ${port} needs the capability CAP_NET_BIND_SERVICE (${where}); run as root, grant it, or choose a port from 1024 on.`;
    case 'EADDRNOTAVAIL':
      return `the address ${host} is not on this machine (${where}); change "bind".`;
    default:
      return `${where} cannot be bound (${code}); change "bind".`;
  }
}
