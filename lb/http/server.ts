import { LatencyEstimate } from '../balance/latency-estimate.ts';
import type { Member } from '../balance/server-pool.ts';
import type { OutlierTrack } from '../health/outlier-detector.ts';
import { type ProxyVersion, writeProxyHeader } from '../proxy-protocol/write-proxy-header.ts';
import type { LeasePool } from '../source/lease-pool.ts';
import { ServerPorts } from '../source/server-ports.ts';
import { TimeoutList } from '../timeout-list.ts';
import { WaitQueue } from '../wait-queue.ts';
import { blamesServer } from './blame.ts';
import type { Exchange, Failure } from './exchange.ts';
import type { HttpContext } from './http-context.ts';
import { Pipelines } from './pipelines.ts';
import { RequestLimit } from './request-limit.ts';
import type { ServerEvents, ServerOptions } from './server-options.ts';
import { StalledAnswers } from './stalled-answers.ts';
import { UpstreamConnection } from './upstream-connection.ts';

/** A failure counts as an answer that took so long: a server that fails at once must not look fast. */
const FAILURE_MS = 1000;

/** One server of a backend, as one plane sees it: its connections, and the requests that wait for one. */
export class Server implements Member {
  readonly id: string;
  readonly host: string;
  readonly port: number;
  weight: number;
  fullWeight: number;
  track: OutlierTrack | undefined = undefined;
  latency: LatencyEstimate | undefined;
  /** Requests and tunnels under way, waiting ones too. */
  active = 0;
  connectsTotal = 0;
  connectFailuresTotal = 0;
  readonly answers = { count: 0, sumMs: 0 };
  readonly connectTimeouts: TimeoutList;
  readonly responseTimeouts: TimeoutList;
  readonly idleTimeouts: TimeoutList;
  private readonly context: HttpContext;
  readonly ports: ServerPorts;
  private readonly events: ServerEvents;
  options: ServerOptions;
  private readonly connections: UpstreamConnection[] = [];
  /** Open and without a request; the one used last is taken first, so that surplus ones grow old and close. */
  private readonly idle: UpstreamConnection[] = [];
  private readonly pipelines: Pipelines;
  readonly stalled = new StalledAnswers();
  private readonly waiting: WaitQueue<Exchange>;
  private readonly limit: RequestLimit;
  private tunnels = 0;
  private isStopped = false;
  /** Connections end once nobody needs them. */
  private isQuiet = false;

  constructor(
    deps: { readonly context: HttpContext; readonly leases: LeasePool; readonly events: ServerEvents },
    options: ServerOptions,
  ) {
    this.context = deps.context;
    this.events = deps.events;
    this.options = options;
    this.id = options.id;
    this.host = options.host;
    this.port = options.port;
    this.weight = options.weight;
    this.fullWeight = options.weight;
    this.latency = options.isMeasured ? new LatencyEstimate() : undefined;
    this.pipelines = new Pipelines(deps.context, options.pipelining);
    this.ports = new ServerPorts(deps.leases, options);
    this.connectTimeouts = new TimeoutList(options.connectTimeoutMs);
    this.responseTimeouts = new TimeoutList(options.responseTimeoutMs);
    this.idleTimeouts = new TimeoutList(options.idleTimeoutMs);
    this.limit = new RequestLimit(deps.context, options.requests);
    this.waiting = new WaitQueue<Exchange>(options.queue, (exchange) => this.shed(exchange));
  }

  /** From now on, and for what is under way. */
  configure(options: ServerOptions): void {
    const { tickMs } = this.context;
    this.options = options;
    this.pipelines.setLimit(options.pipelining);
    if (!options.isMeasured) this.latency = undefined;
    else this.latency ??= new LatencyEstimate();
    this.connectTimeouts.setDuration(options.connectTimeoutMs, tickMs);
    this.responseTimeouts.setDuration(options.responseTimeoutMs, tickMs);
    this.idleTimeouts.setDuration(options.idleTimeoutMs, tickMs);
    this.waiting.configure(options.queue, tickMs);
    this.limit.configure(options.requests);
  }

  get connectionCount(): number {
    return this.connections.length;
  }

  get idleCount(): number {
    return this.idle.length;
  }

  get waitingCount(): number {
    return this.waiting.length;
  }

  /** It has as many requests as it may have at once. */
  get isBusy(): boolean {
    return this.underWay >= this.limit.most;
  }

  /** Tunnels take a place where a number says so; they say nothing of how long answers take. */
  private get underWay(): number {
    return this.active - this.waiting.length - (this.limit.isAdaptive ? this.tunnels : 0);
  }

  /** It may not have one more request, or no connection is free, no more may be opened, and the queue is full as well. */
  get isFull(): boolean {
    if (this.isBusy) return true;
    return this.waiting.isFull && this.idle.length === 0 && !this.mayOpen;
  }

  /** The request could be sent now. */
  hasRoomFor(exchange: Exchange): boolean {
    if (this.isBusy) return false;
    if (this.idle.length > 0 || (this.mayOpen && this.ports.hasFree)) return true;
    return exchange.isPipelinable && this.pipelines.isOn && this.pipelines.find() !== undefined;
  }

  private get mayOpen(): boolean {
    const { connections, stalled } = this.options;
    const most = connections + Math.min(this.stalled.count, stalled);
    return this.context.network.hasRoom && this.connections.length < most;
  }

  /** Sends the request now or when a connection is free. What fails comes back through `onExchangeFailed`. */
  send(exchange: Exchange): void {
    const { isBusy } = this;
    exchange.server = this;
    this.active++;
    const connection = isBusy ? undefined : this.findConnection(exchange);
    if (connection !== undefined) connection.send(exchange);
    else if (!isBusy && this.mayOpen) this.settle(exchange, { kind: 'exhausted', what: 'port' });
    else if (!isBusy && this.connections.length === 0) this.settle(exchange, { kind: 'exhausted', what: 'descriptor' });
    else if (this.waiting.isFull) this.settle(exchange, { kind: 'queue', what: 'full' });
    else this.waiting.push(exchange, this.context.tickMs);
  }

  private findConnection(exchange: Exchange): UpstreamConnection | undefined {
    if (this.options.proxyProtocol !== undefined) return this.ownConnection(exchange, this.options.proxyProtocol);
    if (exchange.wantsFresh && this.mayOpen && this.ports.hasFree) return this.openConnection();
    if (exchange.isPipelinable && this.pipelines.isOn) return this.connectionToFill();
    return this.idle.pop() ?? (this.mayOpen ? this.openConnection() : undefined);
  }

  /** One that this client alone uses; if need be, in the place of one that its client does not need at the moment. */
  private ownConnection(exchange: Exchange, version: ProxyVersion): UpstreamConnection | undefined {
    const own = exchange.own.find((connection) => connection.server === this && this.idle.includes(connection));
    if (own !== undefined) {
      this.idle.splice(this.idle.indexOf(own), 1);
      return own;
    }
    if (!this.mayOpen) this.idle[0]?.close('closed');
    const opened = this.mayOpen ? this.openConnection(writeProxyHeader(version, exchange.addresses)) : undefined;
    opened?.belongTo(exchange);
    return opened;
  }

  private connectionToFill(): UpstreamConnection | undefined {
    const { pipelines } = this;
    const { open } = pipelines;
    if (open !== undefined) return open;
    const next = this.idle.pop() ?? pipelines.find() ?? (this.mayOpen ? this.openConnection() : undefined);
    pipelines.fill(next);
    return next;
  }

  private openConnection(preface?: Buffer): UpstreamConnection | undefined {
    const connection = new UpstreamConnection(this, this.context, preface);
    if (!connection.open()) return undefined;
    connection.index = this.connections.push(connection) - 1;
    return connection;
  }

  onQueueTimeout(exchange: Exchange): void {
    this.settle(exchange, { kind: 'queue', what: 'timeout' });
  }

  /** The client of a request is gone, wherever the request is. */
  cancel(exchange: Exchange): void {
    if (exchange.connection !== undefined) {
      exchange.timeoutList?.cancel(exchange);
      exchange.connection.cancel(exchange);
      return;
    }
    exchange.isCancelled = true;
    this.waiting.remove(exchange);
    this.active--;
    exchange.server = undefined;
    this.onPlaceFree();
  }

  // What connections tell

  /** Has room for a request: a whole answer came, or it has just been opened. */
  onConnectionFree(connection: UpstreamConnection): void {
    if (connection.isRetiring) return;
    while (this.waiting.length > 0 && connection.state === 'open' && !this.isBusy) {
      const next = this.waiting.first!;
      if (!connection.mayServe(next)) {
        if (connection.inFlight === 0) connection.close('closed');
        return;
      }
      const room = next.isPipelinable ? this.pipelines.roomOf(connection) : 1;
      if (connection.inFlight >= room) return;
      this.waiting.shift();
      if (room === 1) this.pipelines.unshare(connection);
      connection.send(next);
    }
    if (connection.inFlight > 0 || connection.state !== 'open') {
      if (this.limit.isOn) this.events.onRoom();
      return;
    }
    if (this.isStopped || this.isQuiet) {
      connection.close('closed');
      return;
    }
    this.pipelines.unshare(connection);
    this.idle.push(connection);
    this.events.onRoom();
  }

  onConnectionClosed(connection: UpstreamConnection, brokeUnanswered: boolean): void {
    const { connections } = this;
    const last = connections.pop()!;
    if (last !== connection) {
      connections[connection.index] = last;
      last.index = connection.index;
    }
    const at = this.idle.lastIndexOf(connection);
    if (at >= 0) this.idle.splice(at, 1);
    this.pipelines.unshare(connection);
    // A server that answers later than at once may not bear pipelining at all (uWebSockets.js ends such connections).
    if (brokeUnanswered) this.pipelines.rest();
    if (this.waiting.length > 0) this.reviveQueue();
    this.events.onRoom();
  }

  /** The place of a closed connection, or of a request, goes to one that waits. */
  private reviveQueue(): void {
    while (this.waiting.length > 0 && !this.isBusy) {
      const connection = this.findConnection(this.waiting.first!);
      if (connection === undefined) break;
      connection.send(this.waiting.shift()!);
    }
    // Nobody is left to wait for.
    while (this.connections.length === 0 && this.waiting.length > 0 && !this.isBusy) {
      this.settle(this.waiting.shift()!, { kind: 'exhausted', what: 'port' });
    }
  }

  /** A request has ended otherwise than by an answer, after which the connection says that it is free. */
  private onPlaceFree(): void {
    if (!this.limit.isOn) return;
    if (this.waiting.length > 0) this.reviveQueue();
    this.events.onRoom();
  }

  /** The request goes by that connection. */
  onTry(exchange: Exchange, connection: UpstreamConnection): void {
    exchange.sentAtMs = this.context.clock.now();
    exchange.record?.onAssigned(exchange.sentAtMs, connection.loggedPath);
    this.events.onTry(exchange);
  }

  /** A request took from then until now; at least so long, where another server answered it meanwhile. */
  learn(sentAtMs: number, nowMs: number): void {
    this.latency?.observe(nowMs - sentAtMs, nowMs);
    this.events.onLatency(nowMs - sentAtMs);
  }

  sendsElsewhere(exchange: Exchange, status: number): boolean {
    return !exchange.isCancelled && this.events.sendsElsewhere(exchange, status);
  }

  /** The head of an answer came. */
  onAnswerHead(exchange: Exchange, status: number): void {
    exchange.timeoutList?.cancel(exchange);
    if (!exchange.isCancelled) {
      const nowMs = this.context.clock.now();
      this.answers.count++;
      this.answers.sumMs += nowMs - exchange.sentAtMs;
      this.learn(exchange.sentAtMs, nowMs);
      if (this.limit.isAdaptive) this.limit.observe(exchange.sentAtMs, nowMs, this.underWay);
    }
    if (this.options.failing[status] === 1) this.track?.failure();
    else this.track?.success();
  }

  onAnswered(exchange: Exchange, bytes: number): void {
    this.pipelines.onAnswered(bytes);
    this.active--;
    exchange.connection = undefined;
    exchange.server = undefined;
  }

  onExchangeFailed(exchange: Exchange, failure: Failure): void {
    this.settle(exchange, failure);
  }

  onTunnelOpened(): void {
    this.tunnels++;
    if (this.limit.isAdaptive) this.onPlaceFree();
  }

  onTunnelClosed(): void {
    this.tunnels--;
    this.active--;
    this.onPlaceFree();
  }

  private shed(exchange: Exchange): void {
    this.active--;
    exchange.server = undefined;
    this.events.shed(exchange);
  }

  private settle(exchange: Exchange, failure: Failure): void {
    this.active--;
    exchange.connection = undefined;
    exchange.timeoutList?.cancel(exchange);
    if (!exchange.isCancelled) {
      if (blamesServer(failure)) this.blame();
      this.events.onExchangeFailed(exchange, failure);
    }
    this.onPlaceFree();
  }

  /** A request failed, and the server is to blame. */
  blame(): void {
    this.track?.failure();
    this.latency?.observe(FAILURE_MS, this.context.clock.now());
  }

  // Time and lifetime

  tick(nowMs: number): void {
    this.connectTimeouts.expire(nowMs);
    this.responseTimeouts.expire(nowMs);
    this.idleTimeouts.expire(nowMs);
    this.waiting.expire(nowMs);
    this.limit.tick(nowMs);
    if (this.options.pipelining > 1) this.pipelines.tick(nowMs, this.resend);
    if (this.stalled.count > 0) this.relieve(nowMs);
  }

  private readonly resend = (exchange: Exchange): void => {
    this.active--;
    exchange.connection = undefined;
    if (!exchange.isCancelled) this.send(exchange);
  };

  /** Those that stall make room for more; where they may not, as many of them go as others wait. */
  private relieve(nowMs: number): void {
    if (this.waiting.length > 0 && this.mayOpen) this.reviveQueue();
    if (!this.mayOpen || this.isBusy) this.stalled.shed(this.waiting.length + this.events.waitingForAny, nowMs);
  }

  /** The address is to be let go, or is lost: its idle connections end now, the others after their answer; tunnels stay. */
  retireSource(address: string, end: 'closed' | 'reset'): void {
    for (const connection of [...this.connections]) {
      if (connection.isRetiring || this.ports.addressOf(connection.lease) !== address) continue;
      if (this.idle.includes(connection)) connection.close(end);
      else connection.isRetiring = true;
    }
  }

  /** While it is quiet, no connection is kept for later: the server can be stopped as soon as nothing is under way. */
  setQuiet(isQuiet: boolean): void {
    this.isQuiet = isQuiet;
    if (isQuiet) for (const connection of [...this.idle]) connection.close('closed');
  }

  /** No new requests; idle connections close now, the others after their answer. */
  stop(): void {
    if (this.isStopped) return;
    this.isStopped = true;
    this.setQuiet(true);
    for (const connection of this.connections) connection.isRetiring = true;
  }

  /** Ends every connection at once. */
  destroy(): void {
    this.stop();
    for (const connection of [...this.connections]) connection.close('reset');
  }
}
