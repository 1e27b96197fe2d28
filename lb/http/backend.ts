import { isDeepStrictEqual } from 'node:util';
import type { HedgeConfig, OutlierConfig, RetryConfig, StickyConfig } from '../../config/config.ts';
import { hash } from '../balance/hash.ts';
import type { Policy } from '../balance/policy.ts';
import { RetryBudget, type RetryBudgetOptions } from '../balance/retry-budget.ts';
import { ServerChoice } from '../balance/server-choice.ts';
import type { ServerState } from '../control/messages.ts';
import type { Exhausted } from '../metrics/exhausted.ts';
import { PortQueue } from '../port-queue.ts';
import type { ProxyVersion } from '../proxy-protocol/write-proxy-header.ts';
import { TimeoutList } from '../timeout-list.ts';
import { WaitQueue, type WaitQueueOptions } from '../wait-queue.ts';
import type { Exchange, Failure } from './exchange.ts';
import { Hedging } from './hedging.ts';
import type { Mirrored } from './mirror.ts';
import { RetryRules } from './retry-rules.ts';
import type { Server } from './server.ts';
import { createStickySessions, type StickySessions } from './sticky-sessions.ts';

/** An answer of a chosen status, none within the time for one try, or a failure. */
type RetryReason = Failure['kind'] | 'status' | 'try-timeout';

export interface BackendOptions {
  readonly name: string;
  /** Tries on other servers after the first. */
  readonly retries: number;
  /** Requests that may wait for a source port, and for how long. */
  readonly exhaustion: { readonly queue: number; readonly timeoutMs: number };
  /** Requests that may wait for a server that may take one more. */
  readonly queue: WaitQueueOptions;
  readonly retry: RetryConfig;
  readonly hedge?: HedgeConfig;
  readonly sticky?: StickyConfig;
  readonly proxyProtocol?: ProxyVersion;
  readonly slowStartMs: number;
  readonly outlier?: OutlierConfig;
}

/** What became of requests that found every server with as many as it may have. */
export interface Queued {
  queued: number;
  timeouts: number;
  refused: number;
  /** Waited in a queue that stood, for longer than its target. */
  shed: number;
}

/**
 * Chooses a server for each request, and another one when that fails and the request can bear it. A shortage of this host (`exhausted`)
 * moves the request on like a failure, but says nothing of the server; where no other server can be reached either, the request waits, and
 * is served in its turn when a port or a connection is free. Where every server has as many requests as it may have, it waits as well, in a
 * queue of its own.
 */
export class Backend {
  readonly name: string;
  /** Retries by what made them needed. */
  readonly retriesBy = new Map<RetryReason, number>();
  readonly queued: Queued = { queued: 0, timeouts: 0, refused: 0, shed: 0 };
  sticky: StickySessions | undefined;
  /** From a request on its way to the head of its answer, for each try. */
  readonly tryTimeouts: TimeoutList;
  readonly hedging: Hedging;
  /** Copies of requests to other backends. */
  readonly mirrored: Mirrored = { sent: 0, failed: 0, dropped: 0 };
  /** Retries that the budget forbade. */
  retriesRefused = 0;
  /** Servers are told who the client is by a PROXY header. */
  namesClients: boolean;
  private readonly sessionPolicy = hash<Server>();
  private rules: RetryRules;
  private readonly budget: RetryBudget;
  private readonly queue: WaitQueue<Exchange>;
  private retries: number;
  private readonly waiting: PortQueue<Exchange>;
  private readonly now: () => number;
  private stickyConfig: StickyConfig | undefined;
  private readonly choice: ServerChoice<Server>;
  private isServing = false;

  constructor(
    deps: { readonly policy: Policy<Server>; readonly random: () => number; readonly now: () => number },
    options: BackendOptions,
  ) {
    this.name = options.name;
    this.namesClients = options.proxyProtocol !== undefined;
    this.now = deps.now;
    this.retries = options.retries;
    this.waiting = new PortQueue(deps.now, options.exhaustion);
    this.queue = new WaitQueue<Exchange>(options.queue, (exchange) => this.shed(exchange));
    this.rules = new RetryRules(options.retry);
    this.budget = new RetryBudget(budgetOf(options.retry), deps.now());
    this.hedging = new Hedging(
      {
        budget: this.budget,
        now: deps.now,
        pick: (exchange) => this.pick(exchange),
        onFailed: (exchange, server, failure) => this.fail(exchange, server, failure),
      },
      options.hedge,
    );
    this.tryTimeouts = new TimeoutList(options.retry.perTryTimeoutMs);
    this.stickyConfig = options.sticky;
    this.sticky = options.sticky === undefined ? undefined : createStickySessions(options.sticky);
    this.choice = new ServerChoice({ ...deps, onRoom: () => this.onRoom() }, options);
  }

  /** From now on, and for what waits; an `update` has to follow. Without a policy the one that is there goes on. */
  configure(policy: Policy<Server> | undefined, options: BackendOptions): void {
    const nowMs = this.now();
    const { exhaustion, queue, retry, retries, sticky } = options;
    this.namesClients = options.proxyProtocol !== undefined;
    this.retries = retries;
    this.waiting.configure(exhaustion);
    this.queue.configure(queue, nowMs);
    this.rules = new RetryRules(retry);
    this.budget.configure(budgetOf(retry));
    this.hedging.configure(options.hedge);
    this.tryTimeouts.setDuration(retry.perTryTimeoutMs, nowMs);
    if (!isDeepStrictEqual(sticky, this.stickyConfig)) {
      this.stickyConfig = sticky;
      this.sticky = sticky === undefined ? undefined : createStickySessions(sticky);
    }
    this.choice.configure(policy, options);
  }

  get waitingCount(): number {
    return this.waiting.length;
  }

  get exhausted(): Exhausted {
    return this.waiting.outcomes;
  }

  get waitingForAny(): number {
    return this.waiting.length + this.queue.length;
  }

  /** Nothing waits here. */
  get isIdle(): boolean {
    return this.waitingForAny === 0;
  }

  /** Requests that wait for a server. */
  get queueDepth(): number {
    return this.queue.length;
  }

  /** Replaces the servers, and all that the primary says of them. */
  update(servers: readonly { readonly member: Server; readonly state: ServerState }[]): void {
    this.sticky?.update(servers.map(({ member }) => member));
    this.choice.update(servers);
  }

  /** Returns false if no server is there to take it; otherwise the exchange's sink hears of the outcome. */
  dispatch(exchange: Exchange): boolean {
    exchange.backend = this;
    this.budget.onRequest();
    const { session } = exchange;
    if (session !== undefined) this.pin(exchange, this.sticky?.find(session));
    if (this.waiting.length > 0 && this.choice.available.length > 0) {
      this.wait(exchange); // behind those that came before
      return true;
    }
    return (this.queue.length === 0 && this.forward(exchange)) || this.queueUp(exchange);
  }

  private pin(exchange: Exchange, server: Server | undefined): void {
    if (server !== undefined && this.choice.keepsSessions(server)) exchange.pinned = server;
  }

  private forward(exchange: Exchange): boolean {
    const server = this.pick(exchange);
    if (server === undefined) return false;
    this.give(exchange, server);
    return true;
  }

  private give(exchange: Exchange, server: Server): void {
    // A session that its own server cannot serve for the moment comes back to it: only one without a server gets one.
    if (this.sticky !== undefined && exchange.pinned === undefined) {
      exchange.sessionLine = this.sticky.settle(exchange.session, server);
    }
    exchange.attempts++;
    server.send(exchange);
  }

  private pick(exchange: Exchange): Server | undefined {
    const { tried, pinned, session, hashKey } = exchange;
    if (pinned !== undefined && tried?.includes(pinned) !== true) return pinned;
    if (this.sticky?.placesByHash === true && session !== undefined) {
      return this.choice.pick(session, tried, this.sessionPolicy);
    }
    return this.choice.pick(hashKey, tried);
  }

  // Waiting for a server

  /** Returns false where waiting is of no use. */
  private queueUp(exchange: Exchange): boolean {
    const { tried } = exchange;
    if (!this.choice.available.some((server) => server.isBusy && tried?.includes(server) !== true)) return false;
    if (this.queue.isFull) {
      this.queued.refused++;
      exchange.sink.onFailed({ kind: 'queue', what: 'full' });
    } else {
      this.queued.queued++;
      exchange.waitsForServer = true;
      this.queue.push(exchange, this.now());
    }
    return true;
  }

  private serveQueue(): void {
    for (let { first } = this.queue; first !== undefined; first = this.queue.first) {
      const server = this.pick(first);
      if (server === undefined) return;
      this.queue.shift();
      first.waitsForServer = false;
      this.give(first, server);
    }
  }

  // Waiting for a source port, or a descriptor

  private wait(exchange: Exchange, what: 'port' | 'descriptor' = 'port'): void {
    const outcome = this.waiting.add(exchange);
    if (outcome === 'full') exchange.sink.onFailed({ kind: 'exhausted', what });
    else if (outcome === 'timeout') exchange.sink.onFailed({ kind: 'queue', what: 'timeout' });
  }

  /** Serves those that wait, as far as there is room: a port or a connection has become free. Cheap when nobody waits. */
  onRoom(): void {
    if (this.waiting.length > 0) this.waiting.serve(this.findRoom, this.giveRoom);
    if (this.queue.length === 0 || this.isServing) return;
    // What a served request does at once may make room, too: the loop that runs already sees it.
    this.isServing = true;
    this.serveQueue();
    this.isServing = false;
  }

  private readonly findRoom = (exchange: Exchange): Server | undefined =>
    this.choice.available.find((server) => server.hasRoomFor(exchange));

  private readonly giveRoom = (exchange: Exchange, server: Server): boolean => {
    exchange.tried = undefined;
    this.give(exchange, server);
    return true;
  };

  /** Called by the plane's tick. */
  tick(nowMs: number): void {
    this.choice.tick(nowMs);
    this.budget.tick(nowMs);
    this.tryTimeouts.expire(nowMs);
    this.hedging.tick(nowMs);
    this.waiting.expire(nowMs);
    this.queue.expire(nowMs);
    this.onRoom();
  }

  onQueueTimeout(exchange: Exchange): void {
    if (exchange.waitsForServer) this.queued.timeouts++;
    else this.exhausted.queueTimeout++;
    exchange.waitsForServer = false;
    exchange.sink.onFailed({ kind: 'queue', what: 'timeout' });
  }

  /** From its own queue, or from that of a server. */
  shed(exchange: Exchange): void {
    this.queued.shed++;
    exchange.dropRival();
    exchange.waitsForServer = false;
    exchange.sink.onFailed({ kind: 'queue', what: 'shed' });
  }

  /** The client of a request that waits is gone. */
  cancel(exchange: Exchange): void {
    exchange.isCancelled = true;
    this.waiting.remove(exchange);
    this.queue.remove(exchange);
  }

  /** From a server: the request failed there. */
  onExchangeFailed(exchange: Exchange, failure: Failure): void {
    if (exchange.hasAnswer) {
      exchange.sink.onAnswerBroken();
      return;
    }
    if (exchange.isSecond) {
      exchange.sink.onFailed(failure);
    } else if (exchange.rival !== undefined) {
      this.hedging.onFirstFailed(exchange, failure);
    } else {
      const server = exchange.server!;
      exchange.server = undefined;
      this.fail(exchange, server, failure);
    }
  }

  private fail(exchange: Exchange, server: Server, failure: Failure): void {
    // A shortage of this host uses up no try: each server is asked once, and none of them has seen the request.
    if (failure.kind === 'exhausted') exchange.attempts--;
    if (this.rules.allows(exchange, failure) && this.retry(exchange, server, failure)) return;
    if (failure.kind === 'exhausted') this.wait(exchange, failure.what);
    else exchange.sink.onFailed(failure);
  }

  // Trying again

  private retry(exchange: Exchange, failed: Server, failure: Failure): boolean {
    const isFree = this.rules.isFree(failure);
    if (!this.mayTryAgain(exchange, isFree)) return false;
    exchange.tried ??= [];
    const isStale = failure.kind === 'closed' && failure.isStale && !exchange.wantsFresh;
    // A kept connection had ended by then, which says nothing of the server, and others may have with it: no try is used up.
    if (isStale) {
      exchange.wantsFresh = true;
      exchange.attempts--;
    } else if (failure.kind !== 'closed' || exchange.attempts > 1) exchange.tried.push(failed);
    if (!this.forward(exchange) && !this.queueUp(exchange)) return false;
    this.countRetry(failure.kind, isFree);
    if (failure.kind === 'exhausted') this.exhausted.otherServer++;
    return true;
  }

  private mayTryAgain(exchange: Exchange, isFree: boolean): boolean {
    if (exchange.attempts > this.retries) return false;
    if (isFree || this.budget.hasRoom) return true;
    this.retriesRefused++;
    return false;
  }

  private countRetry(reason: RetryReason, isFree: boolean): void {
    if (!isFree) this.budget.onRetry();
    this.retriesBy.set(reason, (this.retriesBy.get(reason) ?? 0) + 1);
  }

  onTry(exchange: Exchange): void {
    if (!exchange.isRepeatable || exchange.isSecond || this.hedging.start(exchange)) return;
    this.tryTimeouts.start(exchange, this.now());
  }

  onLatency(latencyMs: number): void {
    this.hedging.observe(latencyMs);
  }

  settleRace(answered: Exchange, status: number): Exchange {
    return this.hedging.settle(answered, status);
  }

  /** The answer was not there in the time for one try. Without another server to ask, it is waited for. */
  onTryTimeout(exchange: Exchange): void {
    const { connection, server } = exchange;
    if (exchange.isHedgeArmed) {
      this.tryTimeouts.resume(exchange, this.now() - this.hedging.afterMs);
      this.hedging.send(exchange);
      return;
    }
    // The second one is the other try.
    if (exchange.rival !== undefined) return;
    const next = this.nextServer(exchange);
    if (next === undefined) return;
    const stub = connection!.disown(exchange);
    server!.blame();
    connection!.cancel(stub);
    this.countRetry('try-timeout', false);
    this.give(exchange, next);
  }

  /** From a server: whether an answer with that status is not passed on, but asked for elsewhere. */
  sendsElsewhere(exchange: Exchange, status: number): boolean {
    if (this.rules.statuses[status] !== 1 || !exchange.isRepeatable) return false;
    const next = this.nextServer(exchange);
    if (next === undefined) return false;
    exchange.connection!.disown(exchange);
    this.countRetry('status', false);
    this.give(exchange, next);
    return true;
  }

  /** Where a request may go that a server has, but does not answer well; undefined: nowhere. */
  private nextServer(exchange: Exchange): Server | undefined {
    if (exchange.isCancelled || !this.mayTryAgain(exchange, false)) return undefined;
    exchange.tried ??= [];
    exchange.tried.push(exchange.server!);
    const next = this.pick(exchange);
    if (next === undefined) exchange.tried.pop();
    return next;
  }
}

function budgetOf({ budgetPercent, minPerSecond }: RetryConfig): RetryBudgetOptions {
  return { percent: budgetPercent, minPerSecond };
}
