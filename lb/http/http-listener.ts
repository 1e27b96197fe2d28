import type { ListenerConfig } from '../../config/config.ts';
import type { AccessLog } from '../access-log/access-log.ts';
import type { ListenerMetrics } from '../metrics/plane-metrics.ts';
import { RequestCounters } from '../metrics/request-counters.ts';
import type { StreamOwner } from '../net/byte-stream.ts';
import type { TcpHandle } from '../net/tcp-binding.ts';
import type { TcpStream } from '../net/tcp-stream.ts';
import type { ProxiedAddresses } from '../proxy-protocol/proxied-addresses.ts';
import { TimeoutList } from '../timeout-list.ts';
import type { ListenerTls } from '../tls/listener-tls.ts';
import type { PlaneTls } from '../tls/plane-tls.ts';
import { Admission } from './admission.ts';
import { ClientConnection } from './client-connection.ts';
import { Farewell } from './farewell.ts';
import type { Forwarding } from './forwarding.ts';
import type { HttpContext } from './http-context.ts';
import { ListenerSettings, type ListenerSettingsDeps } from './listener-settings.ts';
import { ProxiedClient, type ProxiedClientEvents } from './proxied-client.ts';
import type { RequestView } from './request-view.ts';
import type { RouteTargets } from './route-targets.ts';

const BACKLOG = 65_535; // the kernel cuts it to net.core.somaxconn
const LINGER_MS = 2000;
/** Of a drain. Clients that have more to ask mostly ask sooner. */
const LAST_CALL_MS = 1000;
/** Whoever takes something at least once in so long is not slow. */
const SLOW_MS = 1000;

export interface HttpListenerDeps extends Omit<ListenerSettingsDeps, 'random'> {
  readonly tls: PlaneTls;
}

/** One http listener in one plane: accepts, and holds what its connections share. */
export class HttpListener implements ProxiedClientEvents {
  readonly context: HttpContext;
  readonly idleTimeouts: TimeoutList;
  readonly headerTimeouts: TimeoutList;
  readonly bodyTimeouts: TimeoutList;
  readonly sendTimeouts: TimeoutList;
  readonly tunnelTimeouts: TimeoutList;
  readonly lingerTimeouts = new TimeoutList(LINGER_MS);
  readonly rejected = new Map<string, number>();
  readonly handshakeTimeouts: TimeoutList;
  /** Undefined: clients come in the clear. */
  tls: ListenerTls | undefined;
  isDraining = false;
  webSockets = 0;
  private settings: ListenerSettings;
  /** Copies of requests by earlier settings may still be under way. */
  private readonly earlier = new Set<RouteTargets>();
  /** By backend, of every one that it ever led to. */
  private readonly counters = new Map<string, RequestCounters>();
  /** Of requests that reach no backend. */
  private readonly unrouted: RequestCounters;
  private readonly admission: Admission;
  private readonly connections: ClientConnection[] = [];
  /** Those whose PROXY header is still to come. */
  private readonly proxied = new Set<ProxiedClient>();
  private connectionsTotal = 0;
  private handle: TcpHandle | undefined = undefined;
  private onEmpty: (() => void) | undefined = undefined;
  private farewell: Farewell | undefined = undefined;

  constructor(deps: HttpListenerDeps & { readonly context: HttpContext }, config: ListenerConfig) {
    this.context = deps.context;
    this.unrouted = new RequestCounters(config.name, '');
    this.admission = new Admission(config.limits);
    this.idleTimeouts = new TimeoutList(config.timeouts.idleMs);
    this.headerTimeouts = new TimeoutList(config.timeouts.headerMs);
    this.bodyTimeouts = new TimeoutList(config.timeouts.bodyMs);
    this.sendTimeouts = new TimeoutList(config.timeouts.sendMs);
    this.tunnelTimeouts = new TimeoutList(config.timeouts.webSocketIdleMs);
    this.handshakeTimeouts = new TimeoutList(config.tls?.handshakeMs ?? 0);
    this.tls = config.tls === undefined ? undefined : deps.tls.listener(config);
    const { random } = deps.context;
    this.settings = new ListenerSettings({ ...deps, random }, config, this.scheme, this.counters);
  }

  /** From the next request on. Connections stay, and are counted as before. */
  configure(deps: HttpListenerDeps, config: ListenerConfig): void {
    const { context, settings, earlier } = this;
    const { limits, timeouts } = config;
    this.settings = new ListenerSettings({ ...deps, random: context.random }, config, this.scheme, this.counters);
    this.tls = config.tls === undefined ? undefined : deps.tls.listener(config);
    this.handshakeTimeouts.setDuration(config.tls?.handshakeMs ?? 0, context.tickMs);
    this.admission.configure(limits);
    this.idleTimeouts.setDuration(timeouts.idleMs, context.tickMs);
    this.headerTimeouts.setDuration(timeouts.headerMs, context.tickMs);
    this.bodyTimeouts.setDuration(timeouts.bodyMs, context.tickMs);
    this.sendTimeouts.setDuration(timeouts.sendMs, context.tickMs);
    this.tunnelTimeouts.setDuration(timeouts.webSocketIdleMs, context.tickMs);
    earlier.add(settings.targets);
    for (const targets of earlier) if (!targets.hasCopies) earlier.delete(targets);
  }

  /** Whether clients come by TLS. */
  get scheme(): 'http' | 'https' {
    return this.tls === undefined ? 'http' : 'https';
  }

  get config(): ListenerConfig {
    return this.settings.config;
  }

  /** Stands for `Host` where an HTTP/1.0 client sent none. */
  get fallbackHost(): string {
    return this.settings.fallbackHost;
  }

  get forwarding(): Forwarding {
    return this.settings.forwarding;
  }

  get targets(): RouteTargets {
    return this.settings.targets;
  }

  get log(): AccessLog | undefined {
    return this.settings.log;
  }

  /** Of the head parsed last. */
  get view(): RequestView {
    return this.settings.view;
  }

  get connectionCount(): number {
    return this.connections.length + this.proxied.size;
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
    const connection = new ClientConnection(this, (owner) => this.tls?.accept(open, owner) ?? open(owner), told);
    if (admission.countsClients) connection.address = connection.peerAddress();
    const verdict = admission.enter(connection.address);
    connection.isTaken = verdict === 'taken';
    // By TLS an answer would cost a handshake, which is more than most requests do.
    const isAnswered = verdict !== 'reset' && (connection.isTaken || this.tls === undefined);
    if (verdict !== 'reset' && !isAnswered) admission.leave(connection.address, false);
    if (verdict === 'reset' || !isAnswered) {
      this.countRejected('too-many-connections');
      connection.stream.reset();
      return;
    }
    connection.index = this.connections.push(connection) - 1;
    if (verdict === 'taken') connection.start();
    else connection.refuse(verdict);
  }

  countRejected(reason: string): void {
    this.rejected.set(reason, (this.rejected.get(reason) ?? 0) + 1);
  }

  countUnrouted(status: number): void {
    this.unrouted.record(status, 0);
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
    this.handshakeTimeouts.expire(nowMs);
    this.bodyTimeouts.expire(nowMs);
    this.sendTimeouts.expire(nowMs);
    this.tunnelTimeouts.expire(nowMs);
    this.lingerTimeouts.expire(nowMs);
    this.sayFarewell(nowMs);
  }

  /**
   * Stops accepting; connections close after their next answer, idle ones without one after a second or half of `deadlineMs`, WebSockets with
   * 1001, spread over half of `deadlineMs`: the rest is for those who take their time. `done` runs when none is left.
   */
  drain(deadlineMs: number, done: () => void): void {
    this.isDraining = true;
    this.rest();
    this.onEmpty = done;
    for (const client of this.proxied) client.end(undefined);
    this.sayLastCall(Math.min(LAST_CALL_MS, deadlineMs / 2));
    const tunnels = this.connections.filter(({ isTunnel }) => isTunnel);
    this.farewell = new Farewell(tunnels, this.context.tickMs, deadlineMs / 2);
    if (this.connections.length === 0) done();
  }

  /** Connections end after the answer that is under way. */
  get isEnding(): boolean {
    return this.isDraining || this.context.isDrainAhead || this.context.memory !== 'normal';
  }

  /** A request may be on its way on any connection that is kept: closed under it, its client would not know whether to ask again. */
  private sayLastCall(waitMs: number): void {
    if (waitMs > 0) this.idleTimeouts.setDuration(waitMs, this.context.tickMs);
    this.dismissIdle(waitMs > 0);
  }

  /** Those without a request close; with `hasTime` after one more, if it comes. */
  dismissIdle(hasTime = false): void {
    for (const connection of [...this.connections]) if (!connection.isTunnel) connection.drain(hasTime);
  }

  /** Up to `most` clients go that have taken nothing of what is ready for them for a second, from the one that has waited for longest. */
  shedSlow(most: number): void {
    const lastMs = this.context.tickMs + this.config.timeouts.sendMs - SLOW_MS;
    for (let left = most; left > 0; left--) {
      const first = this.sendTimeouts.first as ClientConnection | undefined;
      if (first === undefined || first.timeoutAtMs > lastMs) return;
      first.onShed();
    }
  }

  private sayFarewell(nowMs: number): void {
    if (this.farewell === undefined || this.farewell.tick(nowMs)) return;
    this.farewell = undefined;
    // Those that have become WebSockets meanwhile.
    for (const connection of [...this.connections]) if (connection.isTunnel) connection.drain();
  }

  /** Ends every connection at once. */
  destroy(): void {
    this.isDraining = true;
    this.rest();
    for (const client of this.proxied) client.end(undefined);
    for (const connection of [...this.connections]) connection.destroy();
    for (const targets of [...this.earlier, this.targets]) targets.stop();
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
    return [...this.counters.values(), this.unrouted];
  }
}

function handOver(stream: TcpStream): (owner: StreamOwner) => TcpStream {
  return (owner) => {
    stream.setOwner(owner);
    return stream;
  };
}
