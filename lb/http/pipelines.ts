import type { Exchange } from './exchange.ts';
import type { HttpContext } from './http-context.ts';
import type { UpstreamConnection } from './upstream-connection.ts';

/** Answers larger than this on average gain nothing by pipelining, and hold each other up. */
const PIPELINE_ANSWER_BYTES = 32768;
/** How long pipelining rests after a server broke a connection with several requests on it, or held them up. */
const PIPELINE_REST_MS = 2000;
/** The first of several answers may take so long before the others go elsewhere. */
const STALL_MS = 40;

/** The connections to one server that several requests share at once, and whether it is a good idea at the moment. */
export class Pipelines {
  private readonly context: HttpContext;
  private limit: number;
  /** Tunnels may be many more connections, so these are kept apart. */
  private readonly shared = new Set<UpstreamConnection>();
  /** The one of them that requests are gathered on until it is full. */
  private gathering: UpstreamConnection | undefined = undefined;
  private averageAnswerBytes = 0;
  private restsUntilMs = 0;

  /** `limit`: requests on one connection; 1 is no pipelining. */
  constructor(context: HttpContext, limit: number) {
    this.context = context;
    this.limit = limit;
  }

  setLimit(limit: number): void {
    this.limit = limit;
  }

  get isOn(): boolean {
    return (
      this.limit > 1 &&
      this.averageAnswerBytes < PIPELINE_ANSWER_BYTES &&
      (this.restsUntilMs === 0 || this.context.tickMs >= this.restsUntilMs)
    );
  }

  /** Requests that `connection` may have at once. */
  roomOf(connection: UpstreamConnection): number {
    return connection.isShared && this.isOn ? this.limit : 1;
  }

  /** The connection that is being filled: many requests in one write are where pipelining saves its CPU. */
  get open(): UpstreamConnection | undefined {
    const { gathering } = this;
    return gathering !== undefined && gathering.inFlight < this.limit && !gathering.isRetiring ? gathering : undefined;
  }

  /** Another one that has room. */
  find(): UpstreamConnection | undefined {
    for (const connection of this.shared) {
      if (!connection.isRetiring && connection.inFlight < this.limit) return connection;
    }
    return undefined;
  }

  /** Is filled from now on. */
  fill(connection: UpstreamConnection | undefined): void {
    this.gathering = connection;
    if (connection === undefined) return;
    connection.isShared = true;
    this.shared.add(connection);
  }

  unshare(connection: UpstreamConnection): void {
    if (!connection.isShared) return;
    connection.isShared = false;
    this.shared.delete(connection);
    if (this.gathering === connection) this.gathering = undefined;
  }

  onAnswered(bytes: number): void {
    this.averageAnswerBytes += (bytes - this.averageAnswerBytes) / 64;
  }

  rest(): void {
    this.restsUntilMs = this.context.tickMs + PIPELINE_REST_MS;
  }

  /** One slow answer must not hold up those behind it: they are safe to send again, and `resend` sends them elsewhere. */
  tick(nowMs: number, resend: (exchange: Exchange) => void): void {
    for (const connection of this.shared) {
      if (connection.inFlight < 2 || nowMs - connection.progressAtMs < STALL_MS || connection.state !== 'open')
        continue;
      this.rest();
      for (const exchange of connection.takeFollowers()) resend(exchange);
      if (this.gathering === connection) this.gathering = undefined;
    }
  }
}
