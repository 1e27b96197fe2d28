import { BlockList } from 'node:net';
import type { ForwardingConfig, ListenerConfig } from '../../config/config.ts';
import type { ListenerMetrics } from '../metrics/plane-metrics.ts';
import type { StreamCounters } from '../metrics/stream-counters.ts';
import type { ByteStream } from '../net/byte-stream.ts';
import type { TcpHandle } from '../net/tcp-binding.ts';
import type { RouteRequest } from '../route/route-request.ts';
import { Router } from '../route/router.ts';
import { TimeoutList } from '../timeout-list.ts';
import type { ListenerTls } from '../tls/listener-tls.ts';
import type { PlaneTls } from '../tls/plane-tls.ts';
import { Relay } from './relay.ts';
import type { TcpBackend } from './tcp-backend.ts';
import type { TcpContext } from './tcp-context.ts';

/** Where a route leads, with the counters of this listener and backend. */
export interface Target {
  readonly backend: TcpBackend;
  /** The server depends on the client's address. */
  readonly isHashed: boolean;
  readonly counters: StreamCounters;
}

const BACKLOG = 4096; // the kernel cuts it to net.core.somaxconn

/** One tcp listener in one plane: accepts, and holds what its relays share. */
export class TcpListener {
  readonly name: string;
  /** The choice of a backend depends on the name that a TLS client asks for. */
  wantsServerName = false;
  readonly openingTimeouts: TimeoutList;
  readonly handshakeTimeouts: TimeoutList;
  /** Undefined: bytes are relayed as they come. */
  tls: ListenerTls | undefined;
  readonly idleTimeouts: TimeoutList;
  private config: ListenerConfig;
  private readonly context: TcpContext;
  private readonly planeTls: PlaneTls;
  private readonly rejected = new Map<string, number>();
  private readonly relays: Relay[] = [];
  private connectionsTotal = 0;
  private router: Router;
  private targets: readonly Target[];
  /** Those who send a PROXY header; undefined: nobody. */
  private proxies: BlockList | undefined;
  private handle: TcpHandle | undefined = undefined;
  private onEmpty: (() => void) | undefined = undefined;

  /** `targets`: one for each route. */
  constructor(
    deps: { readonly context: TcpContext; readonly targets: readonly Target[]; readonly tls: PlaneTls },
    config: ListenerConfig,
  ) {
    this.name = config.name;
    this.config = config;
    this.context = deps.context;
    this.targets = deps.targets;
    this.router = new Router(config.routes);
    this.wantsServerName = !this.router.isCatchAll;
    this.planeTls = deps.tls;
    this.tls = config.tls === undefined ? undefined : deps.tls.listener(config);
    this.handshakeTimeouts = new TimeoutList(config.tls?.handshakeMs ?? 0);
    this.openingTimeouts = new TimeoutList(config.timeouts.headerMs);
    this.idleTimeouts = new TimeoutList(config.tcp.idleMs);
    this.proxies = proxiesOf(config);
  }

  /** From the next connection on; those that are there stay where they are. `targets`: one for each route. */
  configure(targets: readonly Target[], config: ListenerConfig): void {
    const { tickMs } = this.context;
    this.config = config;
    this.targets = targets;
    this.router = new Router(config.routes);
    this.wantsServerName = !this.router.isCatchAll;
    this.tls = config.tls === undefined ? undefined : this.planeTls.listener(config);
    this.handshakeTimeouts.setDuration(config.tls?.handshakeMs ?? 0, tickMs);
    this.openingTimeouts.setDuration(config.timeouts.headerMs, tickMs);
    this.idleTimeouts.setDuration(config.tcp.idleMs, tickMs);
    this.proxies = proxiesOf(config);
  }

  /** Accepts from now on, on a socket that is bound already, in place of the one before. Returns 0 or a negative errno. */
  start(handle: TcpHandle): number {
    this.handle?.close();
    this.handle = handle;
    handle.onconnection = (status, client) => {
      // A negative status is a failed accept (the client gone again); libuv tries anew with the next one.
      if (status === 0) this.accept(client);
    };
    return handle.listen(BACKLOG);
  }

  /** Accepts no more, until the next `start`. */
  rest(): void {
    this.handle?.close();
    this.handle = undefined;
  }

  private accept(handle: TcpHandle): void {
    this.connectionsTotal++;
    const relay = new Relay(this, this.context, handle);
    relay.index = this.relays.push(relay) - 1;
    if (this.relays.length > this.config.tcp.connections) {
      this.countRejected('limit');
      relay.destroy();
      return;
    }
    relay.start();
  }

  /** This client says first for whom it speaks. */
  expectsProxyHeader(client: ByteStream): boolean {
    if (this.proxies === undefined) return false;
    const address = client.peerAddress();
    return address !== '' && this.proxies.check(address, address.includes(':') ? 'ipv6' : 'ipv4');
  }

  /** Where a connection goes; undefined if no route matches. */
  targetOf(serverName: string): Target | undefined {
    const index = this.wantsServerName ? this.router.match(new NamedServer(serverName)) : 0;
    return index === undefined ? undefined : this.targets[index];
  }

  countRejected(reason: string): void {
    this.rejected.set(reason, (this.rejected.get(reason) ?? 0) + 1);
  }

  onClosed(relay: Relay): void {
    const last = this.relays.pop()!;
    if (last !== relay) {
      this.relays[relay.index] = last;
      last.index = relay.index;
    }
    if (this.relays.length === 0) this.onEmpty?.();
  }

  tick(nowMs: number): void {
    this.openingTimeouts.expire(nowMs);
    this.handshakeTimeouts.expire(nowMs);
    this.idleTimeouts.expire(nowMs);
  }

  /** Stops accepting; what has a server goes on until its end. `done` runs when nothing is left. */
  drain(done: () => void): void {
    this.rest();
    for (const relay of [...this.relays]) relay.drain();
    this.onEmpty = done;
    if (this.relays.length === 0) done();
  }

  /** Ends everything at once. */
  destroy(): void {
    this.rest();
    for (const relay of [...this.relays]) relay.destroy();
  }

  snapshot(): ListenerMetrics {
    return {
      listener: this.name,
      connections: this.relays.length,
      connectionsTotal: this.connectionsTotal,
      webSockets: 0,
      rejected: [...this.rejected].map(([reason, count]) => ({ reason, count })),
    };
  }
}

function proxiesOf({ hasProxyHeaders, forwarding }: ListenerConfig): BlockList | undefined {
  return hasProxyHeaders ? blockList(forwarding?.trusted ?? []) : undefined;
}

function blockList(blocks: ForwardingConfig['trusted']): BlockList {
  const list = new BlockList();
  for (const { address, prefix } of blocks) list.addSubnet(address, prefix, address.includes(':') ? 'ipv6' : 'ipv4');
  return list;
}

/** All that routes can ask of a connection whose bytes are not looked into any further. */
class NamedServer implements RouteRequest {
  readonly host: string;
  readonly path = '/';
  readonly method = '';
  readonly scheme = 'https';

  constructor(host: string) {
    this.host = host;
  }

  header(): undefined {
    return undefined;
  }

  parameter(): undefined {
    return undefined;
  }
}
