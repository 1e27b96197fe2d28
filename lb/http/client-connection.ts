import type { ByteStream, StreamOwner } from '../net/byte-stream.ts';
import type { ProxiedAddresses } from '../proxy-protocol/proxied-addresses.ts';
import { Expirable } from '../timeout-list.ts';
import type { Tunnel } from '../websocket/tunnel.ts';
import { AnswerSender } from './answer-sender.ts';
import { ClientRequests } from './client-requests.ts';
import { type AnswerSink, Exchange, type Failure } from './exchange.ts';
import type { HttpListener } from './http-listener.ts';
import { endOf, type LocalAnswer, localAnswer, statusOf, writeLocalAnswer } from './local-answer.ts';
import { openTunnel } from './open-tunnel.ts';
import { ReadAhead } from './read-ahead.ts';
import { SLOW_BODY, SLOW_HEAD } from './refusals.ts';
import type { Refusal } from './request-head.ts';
import { RequestUpload, type Uploader } from './request-upload.ts';
import type { ResponseHead } from './response-head.ts';
import type { UpstreamConnection } from './upstream-connection.ts';

/** nginx's code for a client that left before its answer; only in the metrics. */
const CLIENT_CLOSED = 499;
const EMPTY = Buffer.alloc(0);

/**
 * One client. Requests are taken one at a time: what a client sends ahead (HTTP pipelining) waits until the answer before it is out.
 *
 * `idle` no request · `waiting` for the answer's head · `answering` · `lingering` the last answer is out and what the client still sends
 * is thrown away, so that the answer is not lost to a reset · `tunnel` · `closed`
 */
export class ClientConnection extends Expirable implements StreamOwner, AnswerSink, Uploader {
  /** Position in the listener's list. */
  index = -1;
  /** Where its listener counts clients by address. */
  address = '';
  isTaken = true;
  private readonly listener: HttpListener;
  readonly stream: ByteStream;
  private state: 'idle' | 'waiting' | 'answering' | 'lingering' | 'tunnel' | 'closed' = 'idle';
  private readonly ahead: ReadAhead;
  private exchange: Exchange | undefined = undefined;
  /** While the body of a request is still to come, or to be passed on. */
  private upload: RequestUpload | undefined = undefined;
  private readonly requests: ClientRequests;
  private tunnel: Tunnel | undefined = undefined;
  private keepAlive = true;
  private hasAsked = false;
  private isOld = false;
  private readonly answer: AnswerSender;
  private closesWhenDrained = false;

  /** `open` gives the stream of the connection to its owner; `told` is what its PROXY header said. */
  constructor(listener: HttpListener, open: (owner: StreamOwner) => ByteStream, told: ProxiedAddresses | undefined) {
    super();
    this.listener = listener;
    this.stream = open(this);
    this.ahead = new ReadAhead(this.stream);
    this.requests = new ClientRequests(listener, this.stream, told);
    const { answerRate } = listener.config.limits;
    this.answer = new AnswerSender({ stream: this.stream, context: listener.context }, answerRate);
  }

  start(): void {
    const { tls, handshakeTimeouts, idleTimeouts, context } = this.listener;
    (tls === undefined ? idleTimeouts : handshakeTimeouts).start(this, context.tickMs);
    this.stream.resume();
  }

  onSecured(): void {
    if (this.state === 'lingering') this.close();
    if (this.state !== 'idle') return;
    this.listener.idleTimeouts.start(this, this.listener.context.tickMs);
    if (!this.ahead.isEmpty) this.take(EMPTY, 0);
  }

  peerAddress(): string {
    return this.requests.facts.address;
  }

  // From the client

  onRead(buffer: Buffer, length: number): void {
    if (this.state === 'idle') {
      this.take(buffer, length);
    } else if (this.state === 'waiting' || this.state === 'answering') {
      if (this.upload !== undefined) this.takeBody(this.upload, buffer, length);
      else this.ahead.keep(buffer, 0, length);
    } // lingering: thrown away
  }

  onEnd(): void {
    // A client that has its answer under way may have closed its sending side only; before that it is taken to be gone, as in nginx.
    if (this.state === 'answering' && this.upload === undefined) this.keepAlive = false;
    else this.abort();
  }

  onError(): void {
    this.abort();
  }

  onDrained(): void {
    const keepsUp = this.answer.onDrained();
    if (this.closesWhenDrained) this.close();
    else if (this.state === 'idle') this.awaitRequest();
    else if (this.state === 'answering') {
      this.timeoutList?.cancel(this);
      if (keepsUp) this.exchange?.connection?.resumeAnswer();
      else this.shed();
    }
  }

  onTimeout(): void {
    if (this.state === 'answering' || this.stream.isBackedUp) this.shed('client-timeout');
    else if (this.state === 'idle' && !this.ahead.isEmpty) this.refuse(SLOW_HEAD);
    else if (this.state === 'waiting' && this.upload !== undefined) this.breakBody(SLOW_BODY);
    else this.abort();
  }

  private take(buffer: Buffer, length: number): void {
    const { ahead, listener } = this;
    const { intake } = listener.context;
    switch (intake.read(ahead.take(), buffer, length, listener.config.limits)) {
      case 'nothing':
        return;
      case 'whole':
        if (this.stream.isEarly && !this.requests.takesEarly(listener.context.requestHead, intake.bytes)) {
          // It waits for the handshake, which no replay gets through (RFC 8470 §3).
          this.ahead.keep(intake.bytes, 0, intake.end);
          return;
        }
        this.timeoutList?.cancel(this);
        this.begin(intake.bytes, intake.headEnd, intake.end);
        return;
      case 'partial':
        // The clock for a head starts with its first byte: a client that drips cannot stretch it.
        if (this.timeoutList !== listener.headerTimeouts) listener.headerTimeouts.start(this, listener.context.tickMs);
        ahead.replace(intake.partial);
        return;
      case 'refused':
        this.refuse(intake.refusal);
    }
  }

  private begin(bytes: Buffer, headEnd: number, end: number): void {
    const { listener, requests } = this;
    const { requestHead: head } = listener.context;
    this.hasAsked = true;
    this.keepAlive = head.keepAlive && !listener.isEnding;
    this.isOld = head.isOld;
    this.state = 'waiting';
    this.exchange ??= new Exchange(this);
    const { exchange } = this;
    exchange.begin(head);
    requests.begin(exchange, head, bytes, headEnd);
    let rest = headEnd;
    if (head.hasBody) {
      this.upload = new RequestUpload({ client: this, stream: this.stream, listener }, head);
      const to = this.upload.read(bytes, headEnd, end);
      if (typeof to !== 'number') {
        this.refuse(to);
        return;
      }
      rest = to;
      requests.onBody(rest - headEnd);
    }
    if (rest < end) this.ahead.keep(bytes, rest, end);
    const { target } = requests;
    if (target === undefined) {
      this.answerUnrouted(requests.unrouted);
      return;
    }
    const view = requests.prepare(exchange, head, bytes, headEnd, target);
    this.answer.expect(target.answerEdits, view);
    if (this.upload === undefined) this.sendRequest();
    else this.upload.pass(undefined);
  }

  sendRequest(): void {
    const { requests, upload } = this;
    requests.mirror(this.exchange!, upload);
    if (requests.target!.backend.dispatch(this.exchange!)) return;
    requests.end = 'no-server';
    this.answerLocally(503);
  }

  // The request's body

  onSent(): void {
    if (this.upload?.onSent(this.exchange!.connection!) === true) this.upload = undefined;
  }

  private takeBody(upload: RequestUpload, bytes: Buffer, end: number): void {
    const to = upload.read(bytes, 0, end);
    if (typeof to !== 'number') {
      this.breakBody(to);
      return;
    }
    this.requests.onBody(to);
    if (to < end) this.ahead.keep(bytes, to, end);
    if (upload.pass(this.exchange!.connection)) this.upload = undefined;
  }

  /** The body cannot be passed on whole: the server must not take the part for the whole, so its connection goes. */
  private breakBody(refusal: Refusal): void {
    this.exchange!.cancel();
    if (this.state === 'waiting') this.refuse(refusal);
    else this.destroy(refusal.reason);
  }

  // The answer

  onInterim(head: ResponseHead, bytes: Buffer, headEnd: number): void {
    // RFC 9110 §15.2: an HTTP/1.0 client knows none.
    if (!this.isOld) this.answer.sendInterim(head, bytes, headEnd);
  }

  onAnswer(head: ResponseHead, bytes: Buffer, bodyFrom: number, bodyTo: number, isLast: boolean): void {
    this.state = 'answering';
    this.requests.onAnswer(bodyTo - bodyFrom);
    const hasNoEnd = this.answer.begin(head, this.isOld, this.exchange!);
    // An answer before the end of the request: the rest of the body has no taker, on either side.
    if (this.upload !== undefined) this.exchange!.connection!.isRetiring = true;
    if (this.upload !== undefined || hasNoEnd || this.listener.isEnding) this.keepAlive = false;
    this.onSentOut(this.answer.sendHead(head, bytes, bodyFrom, bodyTo, isLast, !this.keepAlive), isLast);
  }

  onAnswerBody(bytes: Buffer, from: number, to: number, isLast: boolean): void {
    this.requests.onAnswerBody(to - from);
    this.onSentOut(this.answer.sendPart(bytes, from, to, isLast), isLast);
  }

  private onSentOut(isTaken: boolean, isLast: boolean): void {
    if (!isTaken && !isLast) {
      this.exchange!.connection?.pauseAnswer();
      this.listener.sendTimeouts.start(this, this.listener.context.tickMs);
    }
    if (isLast) this.finish();
  }

  private finish(): void {
    this.requests.settle(this.exchange, this.answer.status);
    if (this.exchange !== undefined) this.listener.context.heads.giveBack(this.exchange.takeHead());
    if (!this.keepAlive) {
      this.endAfterAnswer();
      return;
    }
    this.state = 'idle';
    if (this.stream.isBackedUp) {
      // One that asks on and reads no answers would have them all kept here.
      this.stream.pause();
      this.listener.sendTimeouts.start(this, this.listener.context.tickMs);
    } else {
      this.awaitRequest();
    }
  }

  private awaitRequest(): void {
    this.listener.idleTimeouts.start(this, this.listener.context.tickMs);
    this.stream.resume();
    if (!this.ahead.isEmpty) {
      this.stream.disableNagle();
      setImmediate(() => {
        if (this.state === 'idle' && !this.ahead.isEmpty) this.take(EMPTY, 0);
      });
    }
  }

  /** Closes such that the client gets the whole answer, even if it is still sending. */
  private endAfterAnswer(): void {
    const { isEarly } = this.stream;
    if (this.upload !== undefined || !this.ahead.isEmpty || isEarly) {
      this.upload = undefined;
      this.ahead.take();
      this.state = 'lingering';
      this.listener.lingerTimeouts.start(this, this.listener.context.tickMs);
      // Closed before the client's part of the handshake has come, it would be answered by a reset that takes the answer with it.
      if (!isEarly) this.stream.end();
      this.stream.resume();
    } else if (this.stream.isBackedUp) {
      this.closeWhenDrained();
    } else {
      this.close();
    }
  }

  private closeWhenDrained(): void {
    this.closesWhenDrained = true;
    this.listener.sendTimeouts.start(this, this.listener.context.tickMs);
  }

  onAnswerBroken(): void {
    // The client must not take the part for the whole: a reset is the one sign that every framing understands.
    this.requests.settle(this.exchange, this.answer.status, 'server-closed');
    this.destroy();
  }

  onFailed(failure: Failure): void {
    this.requests.end = endOf(failure);
    this.answerLocally(statusOf(failure));
  }

  /** The client is told why, and goes; also instead of `start`. */
  refuse(refusal: Refusal): void {
    this.requests.refuse(refusal.reason);
    this.keepAlive = false;
    // Whatever else has arrived is of no known meaning.
    if (this.ahead.isEmpty) this.ahead.replace(EMPTY);
    // What was refused may not have been read as far as its method; an old one must not decide.
    this.answerLocally(refusal.status, false);
  }

  private answerUnrouted(answer: LocalAnswer): void {
    this.listener.countUnrouted(answer.status);
    if (this.upload?.isComplete === true) this.upload = undefined;
    if (this.upload !== undefined) this.keepAlive = false;
    this.sendLocally(answer.status, writeLocalAnswer(answer, !this.keepAlive, this.exchange!.isHead));
  }

  private answerLocally(status: number, isHead = this.exchange?.isHead ?? false): void {
    if (this.upload !== undefined) this.keepAlive = false;
    this.sendLocally(status, localAnswer(status, !this.keepAlive, isHead));
  }

  private sendLocally(status: number, answer: Buffer): void {
    this.state = 'answering';
    this.answer.sendOwn(status, answer);
    this.finish();
  }

  onUpgrade(head: ResponseHead, bytes: Buffer, from: number, to: number, connection: UpstreamConnection): void {
    const { listener, stream, requests, answer, ahead } = this;
    const exchange = this.exchange!;
    this.state = 'tunnel';
    this.exchange = undefined;
    const switched = { listener, client: stream, requests, answer, exchange, connection, fromClient: ahead.take() };
    this.tunnel = openTunnel(switched, { head, bytes, from, to }, () => this.close());
  }

  // The end

  get isTunnel(): boolean {
    return this.state === 'tunnel';
  }

  /** Stops as soon as nothing is under way. `hasTime`: one more request is answered, if it comes in time. */
  drain(hasTime = false): void {
    const { idleTimeouts, headerTimeouts, handshakeTimeouts, context } = this.listener;
    if (this.state === 'tunnel') this.tunnel?.drain();
    // Who is being answered may have been told that it may ask again.
    else if (this.state !== 'idle') this.keepAlive &&= hasTime && this.state === 'answering';
    else if (this.stream.isBackedUp) this.closeWhenDrained();
    else if (hasTime && (!this.ahead.isEmpty || this.timeoutList === handshakeTimeouts)) return;
    // Who has just connected is about to ask, and would not ask again elsewhere by itself, as after a connection that was used before.
    else if (!this.hasAsked && (hasTime || this.timeoutList === idleTimeouts))
      headerTimeouts.start(this, context.tickMs);
    else if (hasTime) idleTimeouts.start(this, context.tickMs);
    else this.close();
  }

  /** The client went away, or has to. */
  private abort(): void {
    const { exchange } = this;
    if ((this.state === 'waiting' || this.state === 'answering') && exchange !== undefined) {
      this.requests.settle(exchange, this.state === 'waiting' ? CLIENT_CLOSED : this.answer.status, 'client-closed');
      exchange.abandon();
    }
    this.close();
  }

  onShed(): void {
    this.shed('slow-reader-relief');
  }

  /** It takes too little of its answer, or nothing. */
  private shed(reason = 'slow-reader'): void {
    this.listener.countRejected(reason);
    this.destroy(reason);
  }

  /** Ends the connection by a reset; `end` is for the log. */
  destroy(end = 'aborted'): void {
    if (this.state === 'closed') return;
    this.exchange?.abandon();
    if (this.state === 'tunnel') {
      this.requests.onTunnelOver(this.tunnel!);
      this.requests.log(undefined, 101, end);
      this.tunnel!.destroy();
      return;
    }
    this.requests.log(this.exchange, this.answer.status, end);
    this.stream.reset();
    this.close();
  }

  private close(): void {
    if (this.state === 'closed') return;
    this.state = 'closed';
    this.timeoutList?.cancel(this);
    this.stream.close();
    this.exchange?.closeOwn();
    this.listener.onConnectionClosed(this);
  }
}
