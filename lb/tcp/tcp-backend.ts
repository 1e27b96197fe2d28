import type { OutlierConfig } from '../../config/config.ts';
import type { Policy } from '../balance/policy.ts';
import { ServerChoice } from '../balance/server-choice.ts';
import type { ServerState } from '../control/messages.ts';
import type { Exhausted } from '../metrics/exhausted.ts';
import { PortQueue } from '../port-queue.ts';
import type { ProxyVersion } from '../proxy-protocol/write-proxy-header.ts';
import type { ConnectFailure } from '../source/dial.ts';
import type { Relay } from './relay.ts';
import type { TcpServer } from './tcp-server.ts';

export interface TcpBackendOptions {
  readonly name: string;
  /** Tries on other servers after the first. */
  readonly retries: number;
  /** Connections that may wait for a source port or for a server that is not full, and for how long. */
  readonly exhaustion: { readonly queue: number; readonly timeoutMs: number };
  /** Says to servers who the client is. */
  readonly proxyProtocol?: ProxyVersion;
  readonly slowStartMs: number;
  readonly outlier?: OutlierConfig;
}

/**
 * Chooses a server for each client connection, and another one when that cannot be connected to: nothing has been sent until then. A
 * shortage of this host moves it on like a failure, but says nothing of the server; where no other server can be reached either, it waits,
 * and is served in its turn.
 */
export class TcpBackend {
  readonly name: string;
  proxyProtocol: ProxyVersion | undefined;
  /** Retries by the kind of failure that made them needed. */
  readonly retriesBy = new Map<ConnectFailure['kind'], number>();
  private retries: number;
  private readonly waiting: PortQueue<Relay>;
  private readonly choice: ServerChoice<TcpServer>;

  constructor(
    deps: { readonly policy: Policy<TcpServer>; readonly random: () => number; readonly now: () => number },
    options: TcpBackendOptions,
  ) {
    this.name = options.name;
    this.proxyProtocol = options.proxyProtocol;
    this.retries = options.retries;
    this.waiting = new PortQueue(deps.now, options.exhaustion);
    this.choice = new ServerChoice({ ...deps, onRoom: () => this.onRoom() }, options);
  }

  /** From now on, and for what waits; an `update` has to follow. Without a policy the one that is there goes on. */
  configure(policy: Policy<TcpServer> | undefined, options: TcpBackendOptions): void {
    this.proxyProtocol = options.proxyProtocol;
    this.retries = options.retries;
    this.waiting.configure(options.exhaustion);
    this.choice.configure(policy, options);
  }

  get exhausted(): Exhausted {
    return this.waiting.outcomes;
  }

  get waitingCount(): number {
    return this.waiting.length;
  }

  /** Nothing waits here. */
  get isIdle(): boolean {
    return this.waiting.length === 0;
  }

  /** Replaces the servers, and all that the primary says of them. */
  update(servers: readonly { readonly member: TcpServer; readonly state: ServerState }[]): void {
    this.choice.update(servers);
  }

  /** Connects the relay to a server, now or in its turn; it hears of the outcome. */
  dispatch(relay: Relay): void {
    if (this.waiting.length > 0 && this.choice.available.length > 0) this.wait(relay);
    else this.forward(relay, undefined);
  }

  /** `failure`: of the try before. */
  private forward(relay: Relay, failure: ConnectFailure | undefined): void {
    let last = failure;
    // Each server is asked once at most, so this ends.
    for (;;) {
      const server = this.choice.pick(relay.hashKey, relay.triedServers);
      if (server === undefined) break;
      if (last !== undefined) this.countRetry(last);
      if (relay.connect(server)) return;
      relay.triedServers.push(server);
      last = { kind: 'exhausted', what: 'port' };
    }
    if (last?.kind === 'connect') relay.onFailed('connect-failed');
    else if (this.choice.available.length === 0) relay.onFailed('no-server');
    else this.wait(relay);
  }

  private countRetry(failure: ConnectFailure): void {
    this.retriesBy.set(failure.kind, (this.retriesBy.get(failure.kind) ?? 0) + 1);
    if (failure.kind === 'exhausted') this.exhausted.otherServer++;
  }

  /** From a relay: its connection to `server` did not come about. */
  onConnectFailed(relay: Relay, server: TcpServer, failure: ConnectFailure): void {
    relay.triedServers.push(server);
    // A shortage of this host uses up no try.
    if (failure.kind === 'connect' && ++relay.failures > this.retries) relay.onFailed('connect-failed');
    else this.forward(relay, failure);
  }

  private wait(relay: Relay): void {
    if (this.waiting.add(relay) === 'waits') relay.onWaiting();
    else relay.onFailed('exhausted');
  }

  /** Serves those that wait, as far as there is room. Cheap when nobody waits. */
  onRoom(): void {
    if (this.waiting.length > 0) this.waiting.serve(this.findRoom, this.giveRoom);
  }

  private readonly findRoom = (): TcpServer | undefined => this.choice.available.find(({ hasRoom }) => hasRoom);

  private readonly giveRoom = (relay: Relay, server: TcpServer): boolean => {
    relay.triedServers.length = 0;
    if (relay.connect(server)) return true;
    this.wait(relay);
    return false;
  };

  /** Called by the plane's tick. */
  tick(nowMs: number): void {
    this.choice.tick(nowMs);
    this.waiting.expire(nowMs);
    this.onRoom();
  }

  onQueueTimeout(relay: Relay): void {
    this.exhausted.queueTimeout++;
    relay.onFailed('exhausted');
  }

  /** The client of a relay that waits is gone. */
  cancel(relay: Relay): void {
    this.waiting.remove(relay);
  }
}
