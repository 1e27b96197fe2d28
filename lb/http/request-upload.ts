import type { ByteStream } from '../net/byte-stream.ts';
import type { Expirable } from '../timeout-list.ts';
import type { HttpListener } from './http-listener.ts';
import { Pace } from './pace.ts';
import { BAD_CHUNK, BODY_TOO_LARGE, DRIPPING_BODY } from './refusals.ts';
import { RequestBody } from './request-body.ts';
import type { Refusal, RequestHead } from './request-head.ts';
import type { UpstreamConnection } from './upstream-connection.ts';

/** The client of an upload. */
export interface Uploader extends Expirable {
  /** Enough of the body is there: the request may go to a server. */
  sendRequest(): void;
}

/**
 * Passes the body of one request on: as fast as the server takes it, and not before there is enough of it. Each part is first read, then
 * passed, and no event may come between.
 */
export class RequestUpload {
  private readonly client: Uploader;
  private readonly stream: ByteStream;
  private readonly listener: HttpListener;
  private readonly body: RequestBody;
  /** From the first part on: before that the client may wait for a 100. */
  private pace: Pace | undefined = undefined;
  private isGathering = true;

  constructor(
    deps: { readonly client: Uploader; readonly stream: ByteStream; readonly listener: HttpListener },
    head: RequestHead,
  ) {
    this.client = deps.client;
    this.stream = deps.stream;
    this.listener = deps.listener;
    this.body = new RequestBody(head.contentLength, deps.listener.config.limits.bodyBytes, head.expectsContinue);
  }

  get isComplete(): boolean {
    return this.body.isComplete;
  }

  /** What has come, in the form for the server, and waits for a connection. */
  get held(): Buffer | undefined {
    return this.body.held;
  }

  /** Returns the position after what of [from, end) belongs to the body, or why it is refused. */
  read(bytes: Buffer, from: number, end: number): number | Refusal {
    const to = this.body.advance(bytes, from, end, this.listener.context.outgoing);
    if (this.body.isTooLarge) return BODY_TOO_LARGE;
    if (to < 0) return BAD_CHUNK;
    return this.body.isComplete || this.keepsPace(to - from) ? to : DRIPPING_BODY;
  }

  private keepsPace(bytes: number): boolean {
    const { config, context } = this.listener;
    this.pace ??= new Pace(config.limits.bodyRate);
    this.pace.add(bytes);
    return this.pace.settle(context.tickMs);
  }

  /** Passes on what was read last; `connection` is there once the request has been sent. Returns whether that was all. */
  pass(connection: UpstreamConnection | undefined): boolean {
    const { body, stream, client, listener } = this;
    const { outgoing } = listener.context;
    if (this.isGathering) {
      body.hold(outgoing);
      this.gather();
      return false;
    }
    const isTaken = body.send(connection!, outgoing);
    if (!isTaken) stream.pause();
    if (isTaken && !body.isComplete) this.expectMore();
    else client.timeoutList?.cancel(client);
    return body.isComplete;
  }

  /** The connection is open, or has taken all. Returns whether that was all. */
  onSent(connection: UpstreamConnection): boolean {
    const { body, stream } = this;
    if (body.sendHeld(connection)) {
      stream.resume();
      if (!body.isComplete) this.expectMore();
    }
    return body.isComplete;
  }

  private gather(): void {
    const { body, stream, client } = this;
    this.isGathering = !body.isReady;
    if (this.isGathering) {
      this.expectMore();
      return;
    }
    client.timeoutList?.cancel(client);
    stream.pause();
    client.sendRequest();
  }

  private expectMore(): void {
    const { bodyTimeouts, context } = this.listener;
    this.pace?.await(context.tickMs);
    bodyTimeouts.start(this.client, context.tickMs);
  }
}
