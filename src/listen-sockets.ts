import type { ListenerConfig } from '../config/config.ts';
import { runsInPlanes } from '../lb/engine/plane-engines.ts';
import { ListenError, type ListenSocket, openListenSocket } from '../lb/net/listen-socket.ts';
import type { TcpBinding } from '../lb/net/tcp-binding.ts';
import { StartError } from './start-error.ts';

/** The bound sockets of the listeners. The planes accept from them; this process never does. */
export class ListenSockets {
  /** The bound port of each listener. */
  readonly ports: Record<string, number> = {};
  /** Of the listeners that planes accept for, by name. */
  readonly accepting = new Map<string, ListenSocket>();
  /** Where no plane accepts, a socket only keeps other programs from taking for theirs what they would never get. */
  private readonly reserved = new Map<string, ListenSocket>();
  private readonly binding: TcpBinding;

  constructor(binding: TcpBinding) {
    this.binding = binding;
  }

  /** Throws StartError. */
  bind({ name, host, port, engine, protocol }: ListenerConfig): void {
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

  /** Idempotent. */
  close(): void {
    for (const socket of [...this.accepting.values(), ...this.reserved.values()]) socket.close();
  }
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
