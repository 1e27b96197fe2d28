import type { AccessLog } from '../access-log/access-log.ts';
import type { AccessRecord } from '../access-log/access-record.ts';
import type { ByteStream } from '../net/byte-stream.ts';
import type { ProxiedAddresses } from '../proxy-protocol/proxied-addresses.ts';
import type { Tunnel } from '../websocket/tunnel.ts';
import { ClientFacts } from './client-facts.ts';
import type { Exchange } from './exchange.ts';
import { hashKey } from './hash-key.ts';
import type { HttpListener } from './http-listener.ts';
import { type LocalAnswer, NOT_FOUND, UNAVAILABLE } from './local-answer.ts';
import { LoggedHead } from './logged-head.ts';
import { writeEditedRequestHead } from './request-edits.ts';
import type { RequestHead } from './request-head.ts';
import type { RequestUpload } from './request-upload.ts';
import type { RequestView } from './request-view.ts';
import { writeRequestHead } from './request-writer.ts';
import type { Target } from './route-targets.ts';

/** The requests of one client connection, one after the other: where each goes, what servers are told of it, what is counted and logged. */
export class ClientRequests {
  /** Of the request under way: why it ends as it does. */
  end = 'ok';
  /** Undefined: it reaches no backend. */
  target: Target | undefined = undefined;
  /** The answer of one that reaches no backend. */
  unrouted: LocalAnswer = NOT_FOUND;
  private readonly listener: HttpListener;
  private readonly stream: ByteStream;
  private readonly told: ProxiedAddresses | undefined;
  private known: ClientFacts | undefined = undefined;
  /** `X-Forwarded-For` and the rest, up to the host. */
  private forwarded: string | undefined = undefined;
  private startedAtMs = 0;
  private record: AccessRecord | undefined = undefined;
  /** Where the record goes: the listener may have another log by then. */
  private recordLog: AccessLog | undefined = undefined;
  private view: RequestView | undefined = undefined;

  /** `told`: from the PROXY header of the connection, where it had one. */
  constructor(listener: HttpListener, stream: ByteStream, told: ProxiedAddresses | undefined) {
    this.listener = listener;
    this.stream = stream;
    this.told = told;
  }

  get facts(): ClientFacts {
    this.known ??= new ClientFacts(this.stream, this.told?.source, this.listener.forwarding);
    return this.known;
  }

  /** Its connection, for servers that are told in a PROXY header; undefined where it is gone. */
  private get addresses(): ProxiedAddresses | undefined {
    if (this.told !== undefined) return this.told;
    const source = this.stream.peer();
    const destination = this.stream.local();
    return source.address === '' || destination === undefined ? undefined : { source, destination };
  }

  /**
   * Whether a request that may be a replay is to be served all the same (RFC 8470 §3): it changes nothing, and its route allows it. What
   * this host answers by itself, it may answer twice.
   */
  takesEarly(head: RequestHead, bytes: Buffer): boolean {
    const { method, hasBody, upgrade, upgradeField } = head;
    if (
      hasBody ||
      upgrade !== '' ||
      upgradeField >= 0 ||
      (method !== 'GET' && method !== 'HEAD' && method !== 'OPTIONS')
    )
      return false;
    const { targets, view } = this.listener;
    if (!targets.needsView) return targets.only?.takesEarlyData === true;
    view.reset(head, bytes, this.facts, true);
    const found = targets.find(view);
    return found?.kind !== 'backend' || found.takesEarlyData;
  }

  /** A head has been read, and finds its target. */
  begin(exchange: Exchange, head: RequestHead, bytes: Buffer, headEnd: number): void {
    const { context, targets, forwarding, log } = this.listener;
    this.startedAtMs = context.clock.now();
    this.end = 'ok';
    this.view = targets.needsView ? this.look(head, bytes) : undefined;
    if (!targets.needsView) this.target = targets.only;
    if (context.memory === 'shedding') this.shed();
    if (!context.challenges.isEmpty) this.answerChallenge(context.challenges.find(head, bytes));
    if (log === undefined) return;
    const id = forwarding.requestIdName === undefined ? undefined : this.view?.requestId;
    const request = LOGGED_HEAD.of(head, bytes);
    this.recordLog = log;
    this.record = log.begin(this.startedAtMs, request, headEnd - head.methodStart, id);
    this.record.client = this.facts.isTrusted ? this.view!.origin : this.facts;
    this.record.tls = this.facts.tls;
    this.record.isEarly = this.stream.isEarly;
    this.record.backend = this.target?.backend.name ?? '';
    exchange.record = this.record;
  }

  private answerChallenge(answer: LocalAnswer | undefined): void {
    if (answer === undefined) return;
    this.target = undefined;
    this.unrouted = answer;
    this.end = 'ok';
  }

  private shed(): void {
    this.listener.countRejected('memory');
    this.target = undefined;
    this.unrouted = UNAVAILABLE;
    this.end = 'memory';
  }

  private look(head: RequestHead, bytes: Buffer): RequestView {
    const { view, targets } = this.listener;
    view.reset(head, bytes, this.facts, this.stream.isEarly);
    const found = targets.find(view);
    this.target = found?.kind === 'backend' ? found : undefined;
    if (found?.kind === 'local') {
      this.unrouted = found.answer(view);
    } else if (found === undefined) {
      this.unrouted = NOT_FOUND;
      this.end = 'no-route';
    }
    return view;
  }

  /** Readies the exchange for its target: the head for the server, and what the choice of a server depends on. */
  prepare(
    exchange: Exchange,
    head: RequestHead,
    bytes: Buffer,
    headEnd: number,
    target: Target,
  ): RequestView | undefined {
    const { backend, hash, requestEdits } = target;
    const { view } = this;
    if (target.upgrades !== undefined && head.upgradeField >= 0) {
      head.allowUpgrade(bytes, target.upgrades);
      if (head.upgrade !== '') exchange.mayUpgrade(head.upgrade);
    }
    if (target.dropsUnusualNames) head.fields.dropUnusualNames(bytes);
    if (hash !== undefined)
      exchange.hashKey = hashKey(hash, head, bytes, () => view?.clientAddress ?? this.facts.address);
    if (backend.namesClients) exchange.addresses = this.addresses;
    if (backend.sticky !== undefined) exchange.session = backend.sticky.read(head, bytes);
    const { context, fallbackHost, scheme } = this.listener;
    if (view !== undefined) view.backend = backend.name;
    if (requestEdits !== undefined) {
      writeEditedRequestHead(context.heads, exchange, head, bytes, headEnd, view!, requestEdits);
    } else {
      this.forwarded ??= `X-Forwarded-For: ${this.facts.address}\r\nX-Forwarded-Proto: ${scheme}\r\nX-Forwarded-Host: `;
      const forwarded = this.stream.isEarly ? EARLY_DATA + this.forwarded : this.forwarded;
      writeRequestHead(context.heads, exchange, head, bytes, headEnd, forwarded, fallbackHost);
    }
    return view;
  }

  /** The request is about to go to a server, and perhaps to a mirror. A body that is still to come would have to be kept, so that is not copied. */
  mirror(exchange: Exchange, upload: RequestUpload | undefined): void {
    const mirror = this.target?.mirror;
    if (mirror === undefined || exchange.upgrade !== '' || upload?.isComplete === false) return;
    mirror.copy(exchange, upload?.held);
  }

  onBody(bytes: number): void {
    if (this.record !== undefined) this.record.bytesIn += bytes;
  }

  onAnswer(bytes: number): void {
    const { record } = this;
    if (record === undefined) return;
    record.answeredAtMs = this.listener.context.clock.now();
    record.bytesOut = bytes;
  }

  onAnswerBody(bytes: number): void {
    if (this.record !== undefined) this.record.bytesOut += bytes;
  }

  /** The request is refused, perhaps before it could be read. */
  refuse(reason: string): void {
    this.listener.countRejected(reason);
    this.target = undefined;
    this.end = reason;
    const { log, context } = this.listener;
    if (log === undefined || this.record !== undefined) return;
    this.startedAtMs = context.clock.now();
    this.recordLog = log;
    this.record = log.begin(this.startedAtMs, undefined, 0);
    this.record.client = this.facts;
    this.record.tls = this.facts.tls;
  }

  /** The answer is out, or there will be none. */
  settle(exchange: Exchange | undefined, status: number, end = this.end): void {
    const nowMs = this.listener.context.clock.now();
    this.target?.counters.record(status, nowMs - this.startedAtMs);
    this.log(exchange, status, end, nowMs);
  }

  /** The protocol was switched: the request is counted, and logged when what follows is over. */
  settleUpgrade(): void {
    this.target?.counters.record(101, this.listener.context.clock.now() - this.startedAtMs);
    // An idle WebSocket keeps only what it needs.
    this.forwarded = undefined;
    this.view = undefined;
  }

  /** The tunnel is over that the request became. */
  onTunnelOver({ traffic: { bytesIn, bytesOut } }: Tunnel): void {
    this.onBody(bytesIn);
    this.onAnswerBody(bytesOut);
  }

  /** Writes the line of the request, if one is due; for a tunnel when it is over. */
  log(exchange: Exchange | undefined, status: number, end: string, nowMs?: number): void {
    const { record } = this;
    if (record === undefined) return;
    this.record = undefined;
    if (exchange !== undefined) exchange.record = undefined;
    this.recordLog!.finish(record, status, end, nowMs ?? this.listener.context.clock.now());
  }
}

/** RFC 8470 §5.1. */
const EARLY_DATA = 'Early-Data: 1\r\n';

/** One for all: it is read before the next head is. */
const LOGGED_HEAD = new LoggedHead();
