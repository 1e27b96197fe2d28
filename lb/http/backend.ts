import type { OutlierConfig } from '../../config/config.ts';
import type { Policy } from '../balance/policy.ts';
import { ServerPool } from '../balance/server-pool.ts';
import type { ServerState } from '../control/messages.ts';
import type { Exhausted } from '../metrics/exhausted.ts';
import { WaitQueue } from '../wait-queue.ts';
import type { Exchange, Failure } from './exchange.ts';
import type { Server } from './server.ts';

/** A failure after which the request may go to another server without harm. */
function isRetryable(exchange: Exchange, failure: Failure): boolean {
  switch (failure.kind) {
    case 'connect':
    case 'exhausted':
    case 'queue':
      return true; // nothing was sent
    case 'closed':
      return exchange.isRepeatable;
    case 'bad-answer':
    case 'timeout':
      return false; // the server had it, and may still be working on it
    default:
      return failure satisfies never;
  }
}

export interface BackendOptions {
  readonly name: string;
  /** Tries on other servers after the first. */
  readonly retries: number;
  /** Requests that may wait for a source port, and for how long. */
  readonly exhaustion: { readonly queue: number; readonly timeoutMs: number };
  readonly slowStartMs: number;
  readonly outlier?: OutlierConfig;
}

/**
 * Chooses a server for each request, and another one when that fails and the request can bear it. A shortage of this host (`exhausted`)
 * moves the request on like a failure, but says nothing of the server; where no other server can be reached either, the request waits, and
 * is served in its turn when a port or a connection is free.
 */
export class Backend {
  readonly name: string;
  /** Retries by the kind of failure that made them needed. */
  readonly retriesBy = new Map<Failure['kind'], number>();
  readonly exhausted: Exhausted = { otherServer: 0, queued: 0, queueTimeout: 0, refused: 0 };
  private readonly policy: Policy<Server>;
  private readonly retries: number;
  private readonly waiting: WaitQueue<Exchange>;
  private readonly timeoutMs: number;
  private readonly now: () => number;
  private readonly pool: ServerPool<Server>;
  /** Servers that may get new requests. Replaced, never changed. */
  private available: readonly Server[] = [];
  private readonly pickContext: { hashKey: string | undefined; random: () => number };
  private isServing = false;

  constructor(
    deps: { readonly policy: Policy<Server>; readonly random: () => number; readonly now: () => number },
    options: BackendOptions,
  ) {
    this.name = options.name;
    this.policy = deps.policy;
    this.now = deps.now;
    this.retries = options.retries;
    const { queue, timeoutMs } = options.exhaustion;
    this.waiting = new WaitQueue({ most: queue, timeoutMs });
    this.timeoutMs = timeoutMs;
    this.pickContext = { hashKey: undefined, random: deps.random };
    this.pool = new ServerPool(
      {
        random: deps.random,
        now: deps.now,
        onChange: (available) => {
          this.available = available;
          this.onRoom();
        },
      },
      options,
    );
  }

  get waitingCount(): number {
    return this.waiting.length;
  }

  /** Replaces the servers, and all that the primary says of them. */
  update(servers: readonly { readonly member: Server; readonly state: ServerState }[]): void {
    this.pool.update(servers);
  }

  /** Returns false if no server is there to take it; otherwise the exchange's sink hears of the outcome. */
  dispatch(exchange: Exchange): boolean {
    exchange.backend = this;
    if (this.waiting.length > 0 && this.available.length > 0) {
      this.wait(exchange); // behind those that came before
      return true;
    }
    return this.forward(exchange);
  }

  private forward(exchange: Exchange): boolean {
    const server = this.pick(exchange);
    if (server === undefined) return false;
    exchange.attempts++;
    server.send(exchange);
    return true;
  }

  private pick(exchange: Exchange): Server | undefined {
    const { available, pickContext } = this;
    pickContext.hashKey = exchange.hashKey;
    const { tried } = exchange;
    let candidates = available;
    if (tried !== undefined || available.some(isFull)) {
      candidates = available.filter((server) => !server.isFull && tried?.includes(server) !== true);
    }
    return this.policy(candidates, pickContext);
  }

  // Waiting for a source port

  private wait(exchange: Exchange): void {
    const now = this.now();
    if (exchange.waitsSinceMs > 0) {
      // It had its turn, and the kernel refused every port that was tried.
      if (now - exchange.waitsSinceMs >= this.timeoutMs) this.onQueueTimeout(exchange);
      else this.waiting.putBack(exchange, exchange.waitsSinceMs);
    } else if (this.waiting.isFull) {
      this.exhausted.refused++;
      exchange.sink.onFailed({ kind: 'exhausted', what: 'port' });
    } else {
      exchange.waitsSinceMs = now;
      this.exhausted.queued++;
      this.waiting.push(exchange, now);
    }
  }

  /** Serves those that wait, as far as there is room: a port or a connection has become free. Cheap when nobody waits. */
  onRoom(): void {
    // What a served request does at once may make room, too: the loop that runs already sees it.
    if (this.waiting.length === 0 || this.isServing) return;
    this.isServing = true;
    for (let { first } = this.waiting; first !== undefined; first = this.waiting.first) {
      const exchange = first;
      const server = this.available.find((candidate) => candidate.hasRoomFor(exchange));
      if (server === undefined) break;
      this.waiting.shift();
      exchange.tried = undefined;
      exchange.attempts++;
      server.send(exchange);
    }
    this.isServing = false;
  }

  /** Called by the plane's tick. */
  tick(nowMs: number): void {
    this.pool.tick(nowMs);
    this.waiting.expire(nowMs);
    this.onRoom();
  }

  onQueueTimeout(exchange: Exchange): void {
    this.exhausted.queueTimeout++;
    exchange.sink.onFailed({ kind: 'queue', what: 'timeout' });
  }

  /** The client of a request that waits is gone. */
  cancel(exchange: Exchange): void {
    exchange.isCancelled = true;
    this.waiting.remove(exchange);
  }

  /** From a server: the request failed there. */
  onExchangeFailed(exchange: Exchange, failure: Failure): void {
    if (exchange.hasAnswer) {
      exchange.sink.onAnswerBroken();
      return;
    }
    const server = exchange.server!;
    exchange.server = undefined;
    // A shortage of this host uses up no try: each server is asked once, and none of them has seen the request.
    if (failure.kind === 'exhausted') exchange.attempts--;
    if (isRetryable(exchange, failure) && exchange.attempts <= this.retries) {
      exchange.tried ??= [];
      // A connection that ended may have ended just as the request set out on it: the server gets a second chance.
      if (failure.kind !== 'closed' || exchange.attempts > 1) exchange.tried.push(server);
      if (this.forward(exchange)) {
        this.retriesBy.set(failure.kind, (this.retriesBy.get(failure.kind) ?? 0) + 1);
        if (failure.kind === 'exhausted') this.exhausted.otherServer++;
        return;
      }
    }
    if (failure.kind === 'exhausted' && failure.what === 'port') this.wait(exchange);
    else exchange.sink.onFailed(failure);
  }
}

function isFull(server: Server): boolean {
  return server.isFull;
}
