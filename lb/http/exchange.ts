import type { AccessRecord } from '../access-log/access-record.ts';
import type { LoggedPath } from '../access-log/logged-path.ts';
import type { ProxiedAddresses } from '../proxy-protocol/proxied-addresses.ts';
import { Expirable } from '../timeout-list.ts';
import type { Backend } from './backend.ts';
import type { RequestHead } from './request-head.ts';
import type { ResponseHead } from './response-head.ts';
import type { Server } from './server.ts';
import type { UpstreamConnection } from './upstream-connection.ts';

/** Why an exchange got no (whole) answer from a server. */
export type Failure =
  /** No connection came about; nothing was sent. `code` is an errno name or `TIMEOUT`. */
  | { readonly kind: 'connect'; readonly code: string }
  /**
   * The connection ended before the first byte of this answer. `isStale`: it had been used before, and may have been ended just as the
   * request set out; or this request stood behind another one.
   */
  | { readonly kind: 'closed'; readonly isStale: boolean }
  /** The answer breaks HTTP, or ended in the middle of its head. */
  | { readonly kind: 'bad-answer' }
  /** The server let the time limit for its answer pass. */
  | { readonly kind: 'timeout' }
  /** This host has no source port or no descriptor left for this server. Says nothing about the server. */
  | { readonly kind: 'exhausted'; readonly what: 'port' | 'descriptor' }
  /** Waited for a connection to the server for as long as the queue allows, or found it full, or is too old for one that stands. */
  | { readonly kind: 'queue'; readonly what: 'full' | 'timeout' | 'shed' };

/** The client's side of an exchange; what the upstream side calls. */
export interface AnswerSink {
  /** The request's connection is open and its head is sent: body bytes may follow. */
  onSent(): void;
  /** An interim answer (1xx but 101), whole; it ends at `headEnd`. */
  onInterim(head: ResponseHead, bytes: Buffer, headEnd: number): void;
  /**
   * The answer's head and what of its body is there, at [bodyFrom, bodyTo), with the chunked coding still on where `head.framing` is
   * `chunked`. `isLast`: that is all of it.
   */
  onAnswer(head: ResponseHead, bytes: Buffer, bodyFrom: number, bodyTo: number, isLast: boolean): void;
  onAnswerBody(bytes: Buffer, from: number, to: number, isLast: boolean): void;
  /** The server switched protocols: `connection` belongs to the sink now; bytes at [from, to) are the first of the new protocol. */
  onUpgrade(head: ResponseHead, bytes: Buffer, from: number, to: number, connection: UpstreamConnection): void;
  /** The answer broke off after its head was passed on. */
  onAnswerBroken(): void;
  /** The client does not take the answer, and somebody else needs the connection that it comes on. */
  onShed(): void;
  /** No answer will come. Called once all retries that are safe have been made. */
  onFailed(failure: Failure): void;
}

const NO_BYTES = Buffer.alloc(0);
/** Takes what nobody waits for. */
export const NOBODY: AnswerSink = {
  onSent: () => {},
  onInterim: () => {},
  onAnswer: () => {},
  onAnswerBody: () => {},
  onUpgrade: () => {},
  onAnswerBroken: () => {},
  onShed: () => {},
  onFailed: () => {},
};

/** One request and its answer. A client connection uses one object for all its requests in turn. */
export class Exchange extends Expirable {
  readonly sink: AnswerSink;
  /** The head as it goes to the server, at the start of `head`; kept until the answer is there, as it may be sent again. */
  head: Buffer = NO_BYTES;
  headLength = 0;
  isHead = false;
  /** GET, HEAD or OPTIONS without a body: may share a connection with others, and be sent twice. */
  isPipelinable = false;
  /** RFC 9110 §9.2.2, and without a body: may be sent twice. */
  isRepeatable = false;
  /** The protocol that the server may switch to, in lower case; '' for none. */
  upgrade = '';
  hashKey: string | undefined = undefined;
  /** Kept of it for the access log, where there is one. */
  record: AccessRecord | undefined = undefined;
  /** The client's connection, for a server that is told of it before the first request on a connection. */
  addresses: ProxiedAddresses | undefined = undefined;
  /** Connections to servers that serve this client alone; they end with it. */
  readonly own: UpstreamConnection[] = [];
  /** What it says of its session, where the backend keeps sessions on their servers. */
  session: string | undefined = undefined;
  /** The server of its session. */
  pinned: Server | undefined = undefined;
  /** To add to the head of its answer; '' for nothing. */
  sessionLine = '';
  backend: Backend | undefined = undefined;
  server: Server | undefined = undefined;
  connection: UpstreamConnection | undefined = undefined;
  /** Servers that failed this request; allocated with the first failure. */
  tried: Server[] | undefined = undefined;
  attempts = 0;
  /** A connection that had ended by then has cost it a try: it gets one that nobody has used. */
  wantsFresh = false;
  /** Interim answers that came before the final one. */
  interims = 0;
  /** It waits for a server that may take one more, not for a port. */
  waitsForServer = false;
  /** When it was handed to a connection. */
  sentAtMs = 0;
  /** When that could take it. */
  writtenAtMs = 0;
  /** The kernel may still read `head`: it is not used for another request. */
  isHeadLent = false;
  /** When it first waited for a source port; 0 if it has not. */
  waitsSinceMs = 0;
  /** A byte of the final answer's head has been taken from a server. */
  hasAnswer = false;
  /** The client is gone: what still comes from the server is thrown away. */
  isCancelled = false;
  /** Of two that ask for the same at once (`Hedging`): the other one. */
  rival: Exchange | undefined = undefined;
  /** It is the second of two; its client's own is the first. */
  isSecond = false;
  /** A second one has been due. */
  isHedged = false;
  /** What its time-out is about: a second one is due. */
  isHedgeArmed = false;
  /** It has failed, and the second one has not yet. */
  failed: { readonly server: Server; readonly failure: Failure } | undefined = undefined;

  constructor(sink: AnswerSink) {
    super();
    this.sink = sink;
  }

  /** Ready for the request of that head, whose bytes come later. */
  begin(request: RequestHead): void {
    const { method, hasBody, upgrade } = request;
    this.isHead = method === 'HEAD';
    this.upgrade = upgrade;
    this.isPipelinable = !hasBody && upgrade === '' && (this.isHead || method === 'GET' || method === 'OPTIONS');
    this.isRepeatable = this.isPipelinable || (!hasBody && upgrade === '' && (method === 'PUT' || method === 'DELETE'));
    this.hashKey = undefined;
    this.record = undefined;
    this.addresses = undefined;
    this.session = undefined;
    this.pinned = undefined;
    this.sessionLine = '';
    this.isHeadLent = false;
    this.waitsForServer = false;
    this.sentAtMs = 0;
    this.writtenAtMs = 0;
    this.backend = undefined;
    this.server = undefined;
    this.connection = undefined;
    this.tried = undefined;
    this.attempts = 0;
    this.wantsFresh = false;
    this.interims = 0;
    this.waitsSinceMs = 0;
    this.hasAnswer = false;
    this.rival = undefined;
    this.isHedged = false;
    this.isHedgeArmed = false;
    this.failed = undefined;
  }

  /** The server may switch to that protocol: no other request shares its connection, and it is sent once. */
  mayUpgrade(protocol: string): void {
    this.upgrade = protocol;
    this.isPipelinable = false;
    this.isRepeatable = false;
  }

  /** The same request once more, with a head of its own, for whoever is to hear of its answer. */
  copy(sink: AnswerSink): Exchange {
    const copy = new Exchange(sink);
    copy.isHead = this.isHead;
    copy.isPipelinable = this.isPipelinable;
    copy.isRepeatable = this.isRepeatable;
    copy.head = Buffer.allocUnsafeSlow(this.headLength);
    copy.headLength = this.head.copy(copy.head, 0, 0, this.headLength);
    copy.hashKey = this.hashKey;
    return copy;
  }

  /** Its answer is that of `other`, which asks for the same on a connection with that path. */
  takeOver(other: Exchange, path: LoggedPath): void {
    this.server = other.server;
    this.connection = other.connection;
    other.server = undefined;
    other.connection = undefined;
    this.record?.onAssigned(other.sentAtMs, path);
    this.record?.onSent(other.writtenAtMs, path);
  }

  /** Takes the buffer away, for the next request; an empty one if it cannot be used again. */
  takeHead(): Buffer {
    const { head } = this;
    this.head = NO_BYTES;
    return this.isHeadLent ? NO_BYTES : head;
  }

  /** Takes this one's place where it is answered no more: whatever comes is thrown away. */
  stub(): Exchange {
    const stub = new Exchange(NOBODY);
    stub.isHead = this.isHead;
    stub.server = this.server;
    stub.connection = this.connection;
    stub.isCancelled = true;
    return stub;
  }

  /** The client is gone for good. */
  closeOwn(): void {
    for (const connection of [...this.own]) connection.leave();
  }

  /** The client is gone, wherever the request is. */
  cancel(): void {
    this.dropRival();
    if (this.server !== undefined) this.server.cancel(this);
    else this.backend?.cancel(this);
  }

  /** The other one of two is of no use any more: it ends, and its connection and port are free. */
  dropRival(): void {
    const { rival } = this;
    if (rival === undefined) return;
    this.rival = undefined;
    rival.rival = undefined;
    rival.cancel();
  }

  /** As `cancel`, and whatever still comes is thrown away. */
  abandon(): void {
    this.cancel();
    this.isCancelled = true;
  }

  /** It waited for too long: for its answer, in a server's queue, or in its backend's. */
  onTimeout(): void {
    if (this.connection !== undefined) this.backend?.onTryTimeout(this);
    else if (this.server !== undefined) this.server.onQueueTimeout(this);
    else this.backend?.onQueueTimeout(this);
  }
}
