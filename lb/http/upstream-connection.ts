import { LoggedPath } from '../access-log/logged-path.ts';
import type { ByteStream, StreamOwner } from '../net/byte-stream.ts';
import type { TcpStream } from '../net/tcp-stream.ts';
import { type ConnectFailure, type Dialler, dial } from '../source/dial.ts';
import type { LeaseEnd } from '../source/lease-pool.ts';
import { Expirable } from '../timeout-list.ts';
import type { Exchange, Failure } from './exchange.ts';
import type { HttpContext } from './http-context.ts';
import { PartialHead } from './partial-head.ts';
import { RequestSender } from './request-sender.ts';
import { ResponseBody } from './response-body.ts';
import type { Server } from './server.ts';

/** A partial head larger than this is no HTTP answer that we pass on. */
const MAX_HEAD_BYTES = 65536;
/** Interim answers to one request; without a bound a server could go on for ever, to a client that may not even read. */
const MAX_INTERIMS = 64;

const CLOSED: Failure = { kind: 'closed', isStale: false };
const STALE: Failure = { kind: 'closed', isStale: true };
const BAD_ANSWER: Failure = { kind: 'bad-answer' };
const TIMEOUT: Failure = { kind: 'timeout' };

/**
 * One connection to a server, bound to a leased source address and port. Answers come in the order of the requests (RFC 9112 §9.3.2), so
 * `queue[first]` is always the exchange that the next byte belongs to. Whatever ends the connection settles every exchange in the queue
 * and gives the lease back, once.
 */
export class UpstreamConnection extends Expirable implements StreamOwner, Dialler {
  readonly server: Server;
  state: 'connecting' | 'open' | 'tunnel' | 'closed' = 'connecting';
  /** Answers received whole; 0 tells a fresh connection from a reused one. */
  answered = 0;
  /** No more requests: it closes once the queue is empty. */
  isRetiring = false;
  /** Gathers pipelined requests; the server sets it. */
  isShared = false;
  /** When the last byte of an answer came, or the first request of an idle connection was sent. */
  progressAtMs = 0;
  /** Position in the server's list of connections. */
  index = -1;

  private readonly context: HttpContext;
  private stream: ByteStream | undefined = undefined;
  lease = -1;
  /** Ends the attempt to connect. */
  giveUp: (() => void) | undefined = undefined;
  private queue: Exchange[] = [];
  private first = 0;
  private readonly sender: RequestSender;
  private path: LoggedPath | undefined = undefined;
  private readonly partial = new PartialHead();
  private readonly body = new ResponseBody();
  private keepAliveAfter = true;

  /** What it starts with, before the first request. */
  private readonly preface: Buffer | undefined;
  /** The client that it serves alone. */
  private owner: Exchange | undefined = undefined;

  constructor(server: Server, context: HttpContext, preface?: Buffer) {
    super();
    this.preface = preface;
    this.server = server;
    this.context = context;
    this.sender = new RequestSender(context);
  }

  get loggedPath(): LoggedPath {
    const path = this.path ?? new LoggedPath(this.server.id, this.server.ports.local(this.lease));
    // While it connects, its port may still be changed for another one.
    if (this.state !== 'connecting') this.path = path;
    return path;
  }

  get inFlight(): number {
    return this.queue.length - this.first;
  }

  /** Starts connecting. Returns false if no source port is free; the connection is then of no use. */
  open(): boolean {
    this.lease = this.server.ports.lease();
    if (this.lease < 0) return false;
    this.server.connectTimeouts.start(this, this.context.tickMs);
    const { server } = this;
    dial(this, { target: server, tls: server.options.tls, network: this.context.network }, this);
    return true;
  }

  onDialled(stream: TcpStream): void {
    if (this.preface !== undefined) stream.write(this.preface);
  }

  onDialFailed(failure: ConnectFailure, end: LeaseEnd): void {
    if (failure.kind === 'connect') this.server.connectFailuresTotal++;
    this.fail(failure, end);
  }

  onConnected(stream: ByteStream): void {
    this.state = 'open';
    this.stream = stream;
    this.giveUp = undefined;
    this.sender.open(stream);
    stream.disableNagle();
    stream.resume();
    this.restartTimeout();
    const waiting = this.queue;
    this.queue = [];
    const nowMs = this.context.clock.now();
    for (const exchange of waiting) this.transmit(exchange, nowMs);
    this.server.onConnectionFree(this);
  }

  /** Serves the client of `exchange` and no other, and ends with it. */
  belongTo(exchange: Exchange): void {
    this.owner = exchange;
    exchange.own.push(this);
    // Nobody comes back to a connection that is nobody's, as that of a mirrored request.
    this.isRetiring = exchange.addresses === undefined;
  }

  mayServe(exchange: Exchange): boolean {
    return this.owner === undefined || this.owner === exchange;
  }

  /** Its client is gone. */
  leave(): void {
    this.isRetiring = true;
    if (this.inFlight === 0 && this.state !== 'tunnel') this.close('closed');
  }

  /** Gives the request to this connection. The caller has seen to it that there is room. */
  send(exchange: Exchange): void {
    exchange.connection = this;
    this.server.onTry(exchange, this);
    if (this.state === 'connecting') this.queue.push(exchange);
    else this.transmit(exchange, exchange.sentAtMs);
  }

  private transmit(exchange: Exchange, nowMs: number): void {
    this.queue.push(exchange);
    exchange.writtenAtMs = nowMs;
    exchange.record?.onSent(nowMs, this.loggedPath);
    if (this.inFlight === 1) this.restartTimeout();
    if (this.isShared) this.sender.putShared(exchange);
    else this.sender.put(exchange);
  }

  /** Part of the request's body; false means: wait for `onSent` before the next. */
  writeBody(bytes: Uint8Array): boolean {
    return this.stream?.write(bytes) ?? true;
  }

  /** The client does not take what there is: until it does, the server is not to blame for anything. */
  pauseAnswer(): void {
    this.server.stalled.add(this, this.context.tickMs);
    this.stream?.pause();
  }

  /** Somebody else needs this connection more than a client that does not read. */
  shedClient(): void {
    this.server.stalled.remove(this);
    this.queue[this.first]?.sink.onShed();
  }

  resumeAnswer(): void {
    if (this.state !== 'open') return;
    this.server.stalled.remove(this);
    this.restartTimeout();
    this.stream?.resume();
  }

  /** The client of this exchange is gone. */
  cancel(exchange: Exchange): void {
    exchange.isCancelled = true;
    // Nobody else waits on this connection: ending it tells the server to stop working. Otherwise the answer is read and thrown away.
    if (this.inFlight === 1) this.close('reset');
    else this.resumeAnswer();
  }

  /** The request goes elsewhere: its answer, if there will be one, is thrown away. */
  disown(exchange: Exchange): Exchange {
    const stub = exchange.stub();
    this.queue[this.queue.indexOf(exchange, this.first)] = stub;
    // Written at the end of this tick, when its head may have become another request's.
    if (this.sender.isAboutToSend(exchange)) this.fail(STALE, 'reset');
    exchange.connection = undefined;
    return stub;
  }

  /** The answer to `from` is that of `to`, which asks for the same. */
  handOver(from: Exchange, to: Exchange): void {
    this.queue[this.queue.indexOf(from, this.first)] = to;
    to.takeOver(from, this.loggedPath);
  }

  /**
   * The first answer holds the others up: they go to other connections, and this one ends with the first. Returns the exchanges to
   * send again; all of them can be repeated, or they would not share a connection.
   */
  takeFollowers(): Exchange[] {
    this.isRetiring = true;
    return this.queue.splice(this.first + 1);
  }

  /** Hands the socket over to a tunnel; the connection keeps the lease until `close`. */
  becomeTunnel(owner: StreamOwner): ByteStream {
    this.state = 'tunnel';
    this.timeoutList?.cancel(this);
    this.queue = [];
    this.first = 0;
    this.stream!.setOwner(owner);
    this.server.onTunnelOpened();
    return this.stream!;
  }

  // What the socket says

  onRead(buffer: Buffer, length: number): void {
    const { partial } = this;
    const bytes = partial.length === 0 ? buffer : partial.join(buffer, length, MAX_HEAD_BYTES);
    if (bytes === undefined) return;
    const end = bytes === buffer ? length : bytes.length;
    let at = 0;
    while (at < end) {
      at = this.body.framing === undefined ? this.readHead(bytes, at, end) : this.readBody(bytes, at, end);
      if (at < 0 || this.state !== 'open') return;
    }
    // A head that comes in pieces has one time limit for them all.
    if (this.inFlight > 0 && partial.length < end && !this.server.stalled.has(this)) this.restartTimeout();
  }

  onEnd(): void {
    if (this.body.framing === 'close') {
      const exchange = this.queue[this.first]!;
      if (!exchange.isCancelled) exchange.sink.onAnswerBody(EMPTY, 0, 0, true);
      this.finishAnswer(exchange, false);
      return;
    }
    this.fail(CLOSED, 'closed-by-peer');
  }

  onError(code: string): void {
    this.fail(CLOSED, code === 'ECONNRESET' ? 'reset' : 'closed');
  }

  onDrained(): void {
    this.queue[this.queue.length - 1]?.sink.onSent();
  }

  onTimeout(): void {
    if (this.state === 'connecting') {
      this.server.connectFailuresTotal++;
      this.giveUp?.();
      this.fail({ kind: 'connect', code: 'TIMEOUT' }, 'unused');
    } else if (this.inFlight === 0) {
      this.close('closed');
    } else {
      this.fail(TIMEOUT, 'reset');
    }
  }

  // Reading answers

  private readHead(bytes: Buffer, at: number, end: number): number {
    const exchange = this.queue[this.first];
    const { responseHead: head } = this.context;
    // Bytes that answer nothing. Requests that wait here have not been sent and lose nothing.
    if (exchange === undefined || this.answered === this.sender.sent) return this.breakOff(CLOSED);
    const headEnd = head.parse(bytes, at, end, exchange.isHead);
    if (headEnd === 0) {
      if (end - at > MAX_HEAD_BYTES) return this.breakOff();
      this.partial.keep(bytes, at, end);
      return end;
    }
    if (headEnd < 0 || headEnd - at > MAX_HEAD_BYTES) return this.breakOff();
    if (head.status === 101) return this.switchProtocols(exchange, bytes, headEnd, end);
    if (head.status < 200) {
      if (++exchange.interims > MAX_INTERIMS) return this.breakOff();
      if (!exchange.isCancelled) exchange.sink.onInterim(head, bytes, headEnd);
      return headEnd;
    }
    let answered = exchange;
    this.server.onAnswerHead(exchange, head.status);
    if (exchange.rival !== undefined) answered = exchange.backend!.settleRace(exchange, head.status);
    if (this.server.sendsElsewhere(answered, head.status)) answered = this.queue[this.first]!;
    answered.hasAnswer = true;
    this.keepAliveAfter = head.keepAlive;
    this.body.begin(head);
    const bodyEnd = this.body.advance(bytes, headEnd, end);
    if (bodyEnd < 0) {
      answered.hasAnswer = false;
      return this.breakOff();
    }
    const isLast = this.body.isDone;
    if (!answered.isCancelled) answered.sink.onAnswer(head, bytes, headEnd, bodyEnd, isLast);
    if (isLast) this.finishAnswer(answered, bodyEnd < end);
    return bodyEnd;
  }

  private readBody(bytes: Buffer, at: number, end: number): number {
    const exchange = this.queue[this.first]!;
    const bodyEnd = this.body.advance(bytes, at, end);
    if (bodyEnd < 0) return this.breakOff();
    const isLast = this.body.isDone;
    if (!exchange.isCancelled) exchange.sink.onAnswerBody(bytes, at, bodyEnd, isLast);
    if (isLast) this.finishAnswer(exchange, bodyEnd < end);
    return bodyEnd;
  }

  private switchProtocols(exchange: Exchange, bytes: Buffer, headEnd: number, end: number): number {
    const { responseHead: head } = this.context;
    if (exchange.upgrade === '' || !head.switchesTo(bytes, exchange.upgrade)) return this.breakOff();
    exchange.hasAnswer = true;
    this.server.onAnswerHead(exchange, head.status);
    if (exchange.isCancelled) this.close('reset');
    else exchange.sink.onUpgrade(head, bytes, headEnd, end, this);
    return end;
  }

  /** `hasMore`: bytes follow this answer in the same read. */
  private finishAnswer(exchange: Exchange, hasMore: boolean): void {
    const { bytes } = this.body;
    this.body.end();
    this.answered++;
    this.queue[this.first] = undefined as never;
    if (++this.first === this.queue.length) {
      this.queue.length = 0;
      this.first = 0;
    }
    this.server.onAnswered(exchange, bytes);
    if (this.state !== 'open') return;
    if (hasMore && this.answered === this.sender.sent) {
      // Before a request that waits gets this connection, and takes those bytes for its answer.
      this.breakOff(CLOSED);
    } else if (!this.keepAliveAfter || (this.isRetiring && this.inFlight === 0)) {
      // What was pipelined behind an answer that closes will not be answered here.
      this.fail(CLOSED, this.keepAliveAfter ? 'closed' : 'closed-by-peer');
    } else {
      if (this.inFlight === 0) this.server.idleTimeouts.start(this, this.context.tickMs);
      this.server.onConnectionFree(this);
    }
  }

  /** The server does not speak HTTP as it should: whatever else it sends on this connection is void. */
  private breakOff(failure: Failure = BAD_ANSWER): -1 {
    this.fail(failure, 'reset');
    return -1;
  }

  // The end

  /** Ends an idle or abandoned connection. */
  close(end: LeaseEnd): void {
    this.fail(CLOSED, end);
  }

  private restartTimeout(): void {
    const { server } = this;
    this.progressAtMs = this.context.tickMs;
    (this.inFlight > 0 ? server.responseTimeouts : server.idleTimeouts).start(this, this.progressAtMs);
  }

  /**
   * Closes and settles all: `failure` is for the exchange whose answer was due; those behind it were not looked at by the server as far
   * as we know, so they fail as `closed`.
   */
  fail(failure: Failure, end: LeaseEnd): void {
    if (this.state === 'closed') return;
    const wasConnecting = this.state === 'connecting';
    const hadSentPart = this.body.framing !== undefined;
    this.state = 'closed';
    this.server.stalled.remove(this);
    this.timeoutList?.cancel(this);
    const { stream, queue, first, lease } = this;
    this.queue = [];
    this.first = 0;
    this.partial.drop();
    this.sender.close();
    this.giveUp?.();
    this.giveUp = undefined;
    this.lease = -1;
    this.owner?.own.splice(this.owner.own.indexOf(this), 1);
    // Closing gives the socket back to the kernel before it returns, so the port is free for a request that waits.
    if (end === 'reset') stream?.reset();
    else stream?.close();
    if (lease >= 0) this.server.ports.release(lease, end);
    this.server.onConnectionClosed(this, queue.length - first > 1 && !hadSentPart && !wasConnecting);
    const isStale = failure === CLOSED && this.answered > 0 && !hadSentPart;
    for (let i = first; i < queue.length; i++) {
      const exchange = queue[i]!;
      exchange.connection = undefined;
      // A connection that did not come about is one failure, however many requests waited for it.
      const own = (i === first || wasConnecting) && !isStale ? failure : STALE;
      this.server.onExchangeFailed(exchange, own);
    }
  }
}

const EMPTY = Buffer.alloc(0);
