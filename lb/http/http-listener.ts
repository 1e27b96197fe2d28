import type { BackendConfig, ForwardingConfig, ListenerConfig } from '../../config/config.ts';
import { AccessLog } from '../access-log/access-log.ts';
import type { LogFiles } from '../access-log/log-files.ts';
import type { ListenerMetrics } from '../metrics/plane-metrics.ts';
import type { RequestCounters } from '../metrics/request-counters.ts';
import type { StreamOwner } from '../net/byte-stream.ts';
import type { TcpHandle } from '../net/tcp-binding.ts';
import type { TcpStream } from '../net/tcp-stream.ts';
import type { ProxiedAddresses } from '../proxy-protocol/proxied-addresses.ts';
import { TimeoutList } from '../timeout-list.ts';
import { Admission } from './admission.ts';
import type { Backend } from './backend.ts';
import { ClientConnection } from './client-connection.ts';
import { Forwarding } from './forwarding.ts';
import type { HttpContext } from './http-context.ts';
import { ProxiedClient, type ProxiedClientEvents } from './proxied-client.ts';
import { RequestView } from './request-view.ts';
import { RouteTargets } from './route-targets.ts';

const BACKLOG = 65_535; // the kernel cuts it to net.core.somaxconn
const LINGER_MS = 2000;
const PLAIN: ForwardingConfig = { trusted: [], style: 'x-forwarded', via: false };

/** One http listener in one plane: accepts, and holds what its connections share. */
export class HttpListener implements ProxiedClientEvents {
  readonly config: ListenerConfig;
  readonly context: HttpContext;
  readonly idleTimeouts: TimeoutList;
  readonly headerTimeouts: TimeoutList;
  readonly bodyTimeouts: TimeoutList;
  readonly sendTimeouts: TimeoutList;
  readonly tunnelTimeouts: TimeoutList;
  readonly lingerTimeouts = new TimeoutList(LINGER_MS);
  readonly rejected = new Map<string, number>();
  /** Stands for `Host` where an HTTP/1.0 client sent none. */
  readonly fallbackHost: string;
  /** Whether clients come by TLS. */
  readonly scheme = 'http';
  readonly forwarding: Forwarding;
  readonly targets: RouteTargets;
  readonly log: AccessLog | undefined;
  /** Of the head parsed last. */
  readonly view: RequestView;
  private readonly admission: Admission;
  isDraining = false;
  webSockets = 0;
  private readonly connections: ClientConnection[] = [];
  /** Those whose PROXY header is still to come. */
  private readonly proxied = new Set<ProxiedClient>();
  private connectionsTotal = 0;
  private handle: TcpHandle | undefined = undefined;
  private onEmpty: (() => void) | undefined = undefined;

  constructor(
    deps: {
      readonly context: HttpContext;
      readonly backends: ReadonlyMap<string, Backend>;
      readonly backendConfigs: ReadonlyMap<string, BackendConfig>;
      readonly logs: LogFiles;
    },
    config: ListenerConfig,
  ) {
    this.config = config;
    this.context = deps.context;
    this.fallbackHost = `${config.host.includes(':') ? `[${config.host}]` : config.host}:${config.port}`;
    this.admission = new Admission(config.limits);
    this.idleTimeouts = new TimeoutList(config.timeouts.idleMs);
    this.headerTimeouts = new TimeoutList(config.timeouts.headerMs);
    this.bodyTimeouts = new TimeoutList(config.timeouts.bodyMs);
    this.sendTimeouts = new TimeoutList(config.timeouts.sendMs);
    this.tunnelTimeouts = new TimeoutList(config.timeouts.webSocketIdleMs);
    const { context, fallbackHost, scheme } = this;
    const { accessLog } = config;
    this.log =
      accessLog === undefined
        ? undefined
        : new AccessLog({ files: deps.logs, random: context.random }, config.name, accessLog);
    this.forwarding = new Forwarding(config.forwarding ?? PLAIN);
    this.targets = new RouteTargets({ ...deps, forwarding: this.forwarding, random: context.random }, config);
    this.view = new RequestView(
      { forwarding: this.forwarding, random: context.random },
      { listener: config.name, scheme, fallbackHost },
    );
  }

  get connectionCount(): number {
    return this.connections.length + this.proxied.size;
  }

  /** Starts accepting on a socket that is bound already. Returns 0 or a negative errno. */
  start(handle: TcpHandle): number {
    this.handle = handle;
    handle.onconnection = (status, client) => {
      // A negative status is a failed accept (out of descriptors, or the client gone again); libuv tries anew with the next one.
      if (status === 0) this.accept(client);
    };
    return handle.listen(BACKLOG);
  }

  private accept(handle: TcpHandle): void {
    this.connectionsTotal++;
    const open = (owner: StreamOwner): TcpStream => this.context.network.adopt(handle, owner);
    if (this.config.hasProxyHeaders) this.listenToProxy(open);
    else this.admit(open, undefined);
  }

  /** Connections of trusted proxies say first for whom they speak. */
  private listenToProxy(open: (owner: StreamOwner) => TcpStream): void {
    const client = new ProxiedClient(this, open);
    if (!this.forwarding.isTrusted(client.stream.peerAddress())) {
      this.admit(handOver(client.stream), undefined);
    } else if (this.connectionCount >= this.config.limits.connections) {
      client.end('too-many-connections');
    } else {
      this.proxied.add(client);
      client.start(this.headerTimeouts, this.context.tickMs);
    }
  }

  onClient(stream: TcpStream, addresses: ProxiedAddresses | undefined, rest: Buffer): void {
    let reader: StreamOwner | undefined;
    this.admit((owner) => {
      reader = owner;
      return handOver(stream)(owner);
    }, addresses);
    // It may have been turned away.
    if (rest.length > 0 && stream.isOpen) reader?.onRead(rest, rest.length);
  }

  onGone(client: ProxiedClient, reason: string | undefined): void {
    this.proxied.delete(client);
    if (reason !== undefined) this.countRejected(reason);
  }

  private admit(open: (owner: StreamOwner) => TcpStream, told: ProxiedAddresses | undefined): void {
    const { admission } = this;
    const connection = new ClientConnection(this, open, told);
    if (admission.countsClients) connection.address = connection.peerAddress();
    const verdict = admission.enter(connection.address);
    connection.isTaken = verdict === 'taken';
    if (verdict === 'reset') {
      this.countRejected('too-many-connections');
      connection.stream.reset();
      return;
    }
    connection.index = this.connections.push(connection) - 1;
    if (verdict === 'taken') connection.start();
    else connection.turnAway(verdict);
  }

  countRejected(reason: string): void {
    this.rejected.set(reason, (this.rejected.get(reason) ?? 0) + 1);
  }

  countUnrouted(status: number): void {
    this.targets.unrouted.record(status, 0);
  }

  onConnectionClosed(connection: ClientConnection): void {
    this.admission.leave(connection.address, connection.isTaken);
    const last = this.connections.pop()!;
    if (last !== connection) {
      this.connections[connection.index] = last;
      last.index = connection.index;
    }
    if (this.connections.length === 0) this.onEmpty?.();
  }

  tick(nowMs: number): void {
    this.idleTimeouts.expire(nowMs);
    this.headerTimeouts.expire(nowMs);
    this.bodyTimeouts.expire(nowMs);
    this.sendTimeouts.expire(nowMs);
    this.tunnelTimeouts.expire(nowMs);
    this.lingerTimeouts.expire(nowMs);
  }

  /** Stops accepting; idle connections close now, others after their answer, WebSockets with 1001. `done` runs when none is left. */
  drain(done: () => void): void {
    this.isDraining = true;
    this.handle?.close();
    this.handle = undefined;
    this.onEmpty = done;
    for (const client of this.proxied) client.end(undefined);
    for (const connection of [...this.connections]) connection.drain();
    if (this.connections.length === 0) done();
  }

  /** Ends every connection at once. */
  destroy(): void {
    this.isDraining = true;
    this.handle?.close();
    this.handle = undefined;
    for (const client of this.proxied) client.end(undefined);
    for (const connection of [...this.connections]) connection.destroy();
    this.targets.stop();
  }

  snapshot(): ListenerMetrics {
    return {
      listener: this.config.name,
      connections: this.connectionCount,
      connectionsTotal: this.connectionsTotal,
      webSockets: this.webSockets,
      rejected: [...this.rejected].map(([reason, count]) => ({ reason, count })),
    };
  }

  get requestCounters(): readonly RequestCounters[] {
    return this.targets.requestCounters;
  }
}

function handOver(stream: TcpStream): (owner: StreamOwner) => TcpStream {
  return (owner) => {
    stream.setOwner(owner);
    return stream;
  };
}
