import type { OutlierConfig } from '../../config/config.ts';
import type { Policy } from '../balance/policy.ts';
import { ServerPool } from '../balance/server-pool.ts';
import type { ServerState } from '../control/messages.ts';
import type { Exhausted } from '../metrics/exhausted.ts';
import type { ProxyVersion } from '../proxy-protocol/write-proxy-header.ts';
import { WaitQueue } from '../wait-queue.ts';
import type { Relay } from './relay.ts';
import type { TcpServer } from './tcp-server.ts';
import type { ConnectFailure } from './upstream.ts';

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
  readonly exhausted: Exhausted = { otherServer: 0, queued: 0, queueTimeout: 0, refused: 0 };
  private policy: Policy<TcpServer>;
  private retries: number;
  private readonly waiting: WaitQueue<Relay>;
  private timeoutMs: number;
  private readonly now: () => number;
  private readonly pool: ServerPool<TcpServer>;
  /** Servers that may get new connections. Replaced, never changed. */
  private available: readonly TcpServer[] = [];
  private readonly pickContext: {
    hashKey: string | undefined;
    available: readonly TcpServer[];
    nowMs: number;
    readonly random: () => number;
  };
  private isServing = false;

  constructor(
    deps: { readonly policy: Policy<TcpServer>; readonly random: () => number; readonly now: () => number },
    options: TcpBackendOptions,
  ) {
    this.name = options.name;
    this.proxyProtocol = options.proxyProtocol;
    this.policy = deps.policy;
    this.now = deps.now;
    this.retries = options.retries;
    const { queue, timeoutMs } = options.exhaustion;
    this.waiting = new WaitQueue({ most: queue, timeoutMs });
    this.timeoutMs = timeoutMs;
    this.pickContext = { hashKey: undefined, available: [], nowMs: 0, random: deps.random };
    this.pool = new ServerPool(
      {
        random: deps.random,
        now: deps.now,
        onChange: (available) => {
          this.available = available;
          this.pickContext.available = available;
          this.onRoom();
        },
      },
      options,
    );
  }

  /** From now on, and for what waits; an `update` has to follow. Without a policy the one that is there goes on. */
  configure(policy: Policy<TcpServer> | undefined, options: TcpBackendOptions): void {
    const { queue, timeoutMs } = options.exhaustion;
    this.policy = policy ?? this.policy;
    this.proxyProtocol = options.proxyProtocol;
    this.retries = options.retries;
    this.waiting.configure({ most: queue, timeoutMs }, this.now());
    this.timeoutMs = timeoutMs;
    this.pool.configure(options);
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
    this.pool.update(servers);
  }

  /** Connects the relay to a server, now or in its turn; it hears of the outcome. */
  dispatch(relay: Relay): void {
    if (this.waiting.length > 0 && this.available.length > 0) this.wait(relay);
    else this.forward(relay, undefined);
  }

  /** `failure`: of the try before. */
  private forward(relay: Relay, failure: ConnectFailure | undefined): void {
    let last = failure;
    // Each server is asked once at most, so this ends.
    for (;;) {
      const server = this.pick(relay);
      if (server === undefined) break;
      if (last !== undefined) this.countRetry(last);
      if (relay.connect(server)) return;
      relay.triedServers.push(server);
      last = { kind: 'exhausted', what: 'port' };
    }
    if (last?.kind === 'connect') relay.onFailed('connect-failed');
    else if (this.available.length === 0) relay.onFailed('no-server');
    else this.wait(relay);
  }

  private countRetry(failure: ConnectFailure): void {
    this.retriesBy.set(failure.kind, (this.retriesBy.get(failure.kind) ?? 0) + 1);
    if (failure.kind === 'exhausted') this.exhausted.otherServer++;
  }

  private pick(relay: Relay): TcpServer | undefined {
    const { available, pickContext } = this;
    pickContext.hashKey = relay.hashKey;
    pickContext.nowMs = this.now();
    let candidates = available;
    const { triedServers: tried } = relay;
    if (tried.length > 0 || available.some(isFull)) {
      candidates = available.filter((server) => !server.isFull && !tried.includes(server));
    }
    return this.policy(candidates, pickContext);
  }

  /** From a relay: its connection to `server` did not come about. */
  onConnectFailed(relay: Relay, server: TcpServer, failure: ConnectFailure): void {
    if (failure.kind === 'exhausted' && failure.what === 'descriptor') {
      relay.onFailed('exhausted');
      return;
    }
    relay.triedServers.push(server);
    // A shortage of this host uses up no try.
    if (failure.kind === 'connect' && ++relay.failures > this.retries) relay.onFailed('connect-failed');
    else this.forward(relay, failure);
  }

  private wait(relay: Relay): void {
    const now = this.now();
    if (relay.waitsSinceMs > 0) {
      // It had its turn, and the kernel refused every port that was tried.
      if (now - relay.waitsSinceMs >= this.timeoutMs) {
        this.onQueueTimeout(relay);
        return;
      }
      this.waiting.putBack(relay, relay.waitsSinceMs);
    } else if (this.waiting.isFull) {
      this.exhausted.refused++;
      relay.onFailed('exhausted');
      return;
    } else {
      relay.waitsSinceMs = now;
      this.exhausted.queued++;
      this.waiting.push(relay, now);
    }
    relay.onWaiting();
  }

  /** Serves those that wait, as far as there is room. Cheap when nobody waits. */
  onRoom(): void {
    // What happens to a served one at once may make room, too: the loop that runs already sees it.
    if (this.waiting.length === 0 || this.isServing) return;
    this.isServing = true;
    while (this.waiting.length > 0) {
      const server = this.available.find(({ hasRoom }) => hasRoom);
      if (server === undefined) break;
      const relay = this.waiting.shift()!;
      relay.triedServers.length = 0;
      if (relay.connect(server)) continue;
      this.wait(relay);
      break;
    }
    this.isServing = false;
  }

  /** Called by the plane's tick. */
  tick(nowMs: number): void {
    this.pool.tick(nowMs);
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

function isFull(server: TcpServer): boolean {
  return server.isFull;
}
