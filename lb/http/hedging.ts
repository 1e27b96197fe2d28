import type { HedgeConfig } from '../../config/backend-config.ts';
import { LatencyQuantile } from '../balance/latency-quantile.ts';
import type { RetryBudget } from '../balance/retry-budget.ts';
import { TimeoutList } from '../timeout-list.ts';
import { type Exchange, type Failure, NOBODY } from './exchange.ts';
import type { Server } from './server.ts';

const SECOND_MS = 1000;
/** From here on the answer of a second request says that its server is ill. */
const FIRST_FAILING_STATUS = 500;

/** What became of second requests. */
export interface Hedges {
  sent: number;
  /** Their answer came first, and is what the client got. */
  won: number;
  /** Not sent, since the retry budget was spent. */
  refused: number;
}

export interface HedgingDeps {
  readonly budget: RetryBudget;
  readonly now: () => number;
  /** Where a request may go, besides the servers that it has tried. */
  readonly pick: (exchange: Exchange) => Server | undefined;
  /** No second request is under way any more, and the first one has failed. */
  readonly onFailed: (exchange: Exchange, server: Server, failure: Failure) => void;
}

/**
 * Sends a second request to another server when the first one is slow (Dean and Barroso, «The Tail at Scale», 2013): the answer whose head
 * comes first is the answer, and the other request ends. Only safe methods without a body are asked for twice at once (RFC 9110 §9.2.1): of
 * two `DELETE`s the one that comes second may be told that there is nothing to delete. Each counts as a retry in the budget, there is one for
 * a request at most, and none where a server would have to be waited for.
 */
export class Hedging {
  readonly counts: Hedges = { sent: 0, won: 0, refused: 0 };
  private readonly deps: HedgingDeps;
  private readonly timeouts = new TimeoutList(0);
  private config: HedgeConfig | undefined;
  private quantile: LatencyQuantile | undefined = undefined;
  private durationMs = 0;
  private nextSecondMs = 0;

  constructor(deps: HedgingDeps, config: HedgeConfig | undefined) {
    this.deps = deps;
    this.configure(config);
  }

  configure(config: HedgeConfig | undefined): void {
    this.config = config;
    if (config === undefined || 'afterMs' in config) this.quantile = undefined;
    else this.quantile ??= new LatencyQuantile();
    this.setDuration();
  }

  private setDuration(): void {
    const { config } = this;
    if (config === undefined) this.durationMs = 0;
    else if ('afterMs' in config) this.durationMs = config.afterMs;
    else this.durationMs = this.quantile!.at(config.afterQuantile) ?? 0;
    this.timeouts.setDuration(this.durationMs, this.deps.now());
  }

  /** After what time a second one is sent; 0: never. */
  get afterMs(): number {
    return this.durationMs;
  }

  observe(latencyMs: number): void {
    this.quantile?.observe(latencyMs);
  }

  /** Called by the plane's tick. */
  tick(nowMs: number): void {
    if (this.durationMs > 0) this.timeouts.expire(nowMs);
    if (this.quantile === undefined || nowMs < this.nextSecondMs) return;
    this.nextSecondMs = nowMs + SECOND_MS;
    this.setDuration();
    this.quantile.forget();
  }

  /** The request is on its way. Returns whether its `onTimeout` will say when a second one is due. */
  start(exchange: Exchange): boolean {
    if (this.durationMs === 0 || !exchange.isPipelinable || exchange.isHedged) return false;
    exchange.isHedgeArmed = true;
    this.timeouts.start(exchange, this.deps.now());
    return true;
  }

  /** It is due, if there is a server for it at once. */
  send(exchange: Exchange): void {
    const { budget, pick } = this.deps;
    exchange.isHedgeArmed = false;
    exchange.isHedged = true;
    if (!budget.hasRoom) {
      this.counts.refused++;
      return;
    }
    const second: Exchange = exchange.copy({
      ...NOBODY,
      onFailed: () => this.onSecondFailed(second),
    });
    second.tried = [...(exchange.tried ?? []), exchange.server!];
    const server = pick(second);
    if (server?.hasRoomFor(second) !== true) return;
    budget.onRetry();
    this.counts.sent++;
    second.backend = exchange.backend;
    second.isSecond = true;
    second.rival = exchange;
    exchange.rival = second;
    server.send(second);
  }

  private onSecondFailed(second: Exchange): void {
    const exchange = second.rival;
    if (exchange === undefined) return;
    exchange.rival = undefined;
    second.rival = undefined;
    exchange.tried = second.server === undefined ? second.tried : [...second.tried!, second.server];
    const { failed } = exchange;
    if (failed === undefined) return;
    exchange.failed = undefined;
    this.deps.onFailed(exchange, failed.server, failed.failure);
  }

  /** The first one failed, before its answer: the second one may still have one. */
  onFirstFailed(exchange: Exchange, failure: Failure): void {
    exchange.failed = { server: exchange.server!, failure };
    exchange.server = undefined;
  }

  /** The head of an answer to one of the two came. Returns whose it is from now on; if it is cancelled, nobody's. */
  settle(answered: Exchange, status: number): Exchange {
    const other = answered.rival!;
    if (!answered.isSecond) {
      answered.dropRival();
      return answered;
    }
    answered.rival = undefined;
    other.rival = undefined;
    if (status >= FIRST_FAILING_STATUS && other.server !== undefined) {
      answered.isCancelled = true;
      return answered;
    }
    this.counts.won++;
    this.leave(other);
    answered.connection!.handOver(answered, other);
    return other;
  }

  /** The request is answered elsewhere: nothing of it stays where it is. */
  private leave(exchange: Exchange): void {
    const { server, connection } = exchange;
    exchange.failed = undefined;
    if (server === undefined) return;
    exchange.timeoutList?.cancel(exchange);
    server.learn(exchange.sentAtMs, this.deps.now());
    if (connection !== undefined) {
      connection.cancel(connection.disown(exchange));
    } else {
      server.cancel(exchange);
      exchange.isCancelled = false;
    }
  }
}
