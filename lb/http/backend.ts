import type { Policy } from '../balance/policy.ts';
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
}

/**
 * Chooses a server for each request, and another one when that fails and the request can bear it. A shortage of this host (`exhausted`)
 * moves the request on like a failure, but says nothing of the server.
 */
export class Backend {
  readonly name: string;
  /** Retries by the kind of failure that made them needed. */
  readonly retriesBy = new Map<Failure['kind'], number>();
  /** Requests that found no source port, by what became of them. */
  readonly exhausted = { otherServer: 0, refused: 0 };
  private readonly policy: Policy<Server>;
  private readonly random: () => number;
  private readonly retries: number;
  /** Servers that may get new requests: healthy, ready, with a weight. Replaced, never changed. */
  private available: readonly Server[] = [];

  constructor(deps: { readonly policy: Policy<Server>; readonly random: () => number }, options: BackendOptions) {
    this.name = options.name;
    this.policy = deps.policy;
    this.random = deps.random;
    this.retries = options.retries;
    this.pickContext = { hashKey: undefined as string | undefined, random: this.random };
  }

  private readonly pickContext: { hashKey: string | undefined; random: () => number };

  setAvailable(servers: readonly Server[]): void {
    this.available = servers;
  }

  /** Returns false if no server is there to take it; otherwise the exchange's sink hears of the outcome. */
  dispatch(exchange: Exchange): boolean {
    exchange.backend = this;
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
      // A kept-alive connection may end just as a request sets out on it: that is no mark against the server.
      if (failure.kind !== 'closed' || exchange.attempts > 1) exchange.tried.push(server);
      if (this.dispatch(exchange)) {
        this.retriesBy.set(failure.kind, (this.retriesBy.get(failure.kind) ?? 0) + 1);
        if (failure.kind === 'exhausted') this.exhausted.otherServer++;
        return;
      }
    }
    if (failure.kind === 'exhausted') this.exhausted.refused++;
    exchange.sink.onFailed(failure);
  }
}

function isFull(server: Server): boolean {
  return server.isFull;
}
