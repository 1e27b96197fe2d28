import type { StreamOutcome } from '../metrics/plane-metrics.ts';
import type { ByteStream, StreamOwner } from '../net/byte-stream.ts';
import { copyBytes } from '../net/copy-bytes.ts';
import { EarlyBytes } from '../net/early-bytes.ts';
import type { TcpHandle } from '../net/tcp-binding.ts';
import type { TcpStream } from '../net/tcp-stream.ts';
import type { ProxiedAddresses } from '../proxy-protocol/proxied-addresses.ts';
import { writeProxyHeader } from '../proxy-protocol/write-proxy-header.ts';
import type { LeaseEnd } from '../source/lease-pool.ts';
import { Expirable } from '../timeout-list.ts';
import type { ListenerTls } from '../tls/listener-tls.ts';
import { Opening } from './opening.ts';
import type { TcpContext } from './tcp-context.ts';
import type { Target, TcpListener } from './tcp-listener.ts';
import type { TcpServer } from './tcp-server.ts';
import { Upstream } from './upstream.ts';

/** A client that waits is listened to for so long: what it sends is kept, as its leaving shows only behind that. */
const LISTENS_TO_BYTES = 16_384;

/** One side of a relay: what is read from it is written to the other side. */
class End implements StreamOwner {
  stream: ByteStream | undefined = undefined;
  peer!: End;
  /** It will send no more. */
  hasEnded = false;
  private readonly relay: Relay;

  constructor(relay: Relay) {
    this.relay = relay;
  }

  onRead(buffer: Buffer, length: number): void {
    this.relay.onRead(this, buffer, length);
  }

  onEnd(): void {
    this.relay.onEnd(this);
  }

  onError(): void {
    this.relay.onError();
  }

  onDrained(): void {
    this.relay.onDrained(this);
  }

  onSecured(): void {
    this.relay.onSecured(this);
  }
}

/**
 * A client's connection and the one to a server that its bytes go to, unchanged in both directions. Until a server is there, the client's
 * bytes stay in the kernel, but for those that the choice of the server depends on; so any server can be tried before the first byte is
 * sent. What ends it closes both sockets and gives the lease back, once.
 */
export class Relay extends Expirable {
  /** Position in the listener's list of relays. */
  index = -1;
  /** Servers that could not be connected to. */
  readonly triedServers: TcpServer[] = [];
  /** How many of them are to blame for it. */
  failures = 0;
  /** When it first waited for a port or a place; 0 if it has not. */
  waitsSinceMs = 0;
  hashKey: string | undefined = undefined;

  private readonly context: TcpContext;
  private readonly listener: TcpListener;
  private readonly tcp: TcpStream;
  private readonly client: End;
  private readonly server: End;
  private state: 'opening' | 'choosing' | 'waiting' | 'connecting' | 'open' | 'closed' = 'opening';
  private opening: Opening | undefined = undefined;
  private early: EarlyBytes | undefined = undefined;
  private target: Target | undefined = undefined;
  private upstream: Upstream | undefined = undefined;
  private serverEndedFirst = false;

  constructor(listener: TcpListener, context: TcpContext, handle: TcpHandle) {
    super();
    this.listener = listener;
    this.context = context;
    this.client = new End(this);
    this.server = new End(this);
    this.client.peer = this.server;
    this.server.peer = this.client;
    this.tcp = context.network.adopt(handle, this.client);
    this.client.stream = this.tcp;
  }

  // Before a server is chosen

  start(): void {
    const { listener } = this;
    const hasProxyHeader = listener.expectsProxyHeader(this.client.stream!);
    if (!hasProxyHeader && listener.tls !== undefined) {
      this.secure(listener.tls);
      return;
    }
    if (!hasProxyHeader && !listener.wantsServerName) {
      this.choose(listener.targetOf(''));
      return;
    }
    const wantsServerName = listener.wantsServerName && listener.tls === undefined;
    this.opening = new Opening({ hasProxyHeader, wantsServerName });
    listener.openingTimeouts.start(this, this.context.tickMs);
    this.client.stream!.resume();
  }

  private readOpening(buffer: Buffer, length: number): void {
    const opening = this.opening!;
    const verdict = opening.push(buffer, length);
    if (verdict.kind === 'incomplete') return;
    if (verdict.kind === 'refused') {
      this.refuse(verdict.reason);
      return;
    }
    const { tls } = this.listener;
    if (tls !== undefined) {
      // The header ended in this read, so what comes after it is the read's end.
      this.secure(tls, buffer.subarray(length - opening.early.length, length));
      return;
    }
    this.client.stream!.pause();
    this.timeoutList?.cancel(this);
    this.early = opening.early;
    this.choose(this.listener.targetOf(opening.serverName));
  }

  /** From here on the client speaks TLS; `rest` has come already. */
  private secure(tls: ListenerTls, rest?: Buffer): void {
    const { listener, client, tcp } = this;
    listener.handshakeTimeouts.start(this, this.context.tickMs);
    const stream = tls.accept((owner) => {
      tcp.setOwner(owner);
      return tcp;
    }, client);
    client.stream = stream;
    stream.resume();
    if (rest !== undefined && rest.length > 0) stream.onRead(rest, rest.length);
  }

  /** A handshake is over. */
  onSecured(side: End): void {
    if (side === this.server) return;
    this.client.stream!.pause();
    this.timeoutList?.cancel(this);
    this.choose(this.listener.targetOf(this.client.stream!.tls!.serverName));
  }

  private choose(target: Target | undefined): void {
    if (target === undefined) {
      this.refuse('no-route');
      return;
    }
    this.target = target;
    this.state = 'choosing';
    if (target.isHashed) this.hashKey = this.opening?.addresses?.source.address ?? this.client.stream!.peerAddress();
    target.backend.dispatch(this);
  }

  private refuse(reason: string): void {
    this.listener.countRejected(reason);
    this.close('reset', undefined);
  }

  // What the backend tells

  /** Waits for its turn; what the client does meanwhile is listened to, so that one that leaves takes no place. */
  onWaiting(): void {
    this.state = 'waiting';
    if (!this.client.hasEnded && (this.early?.length ?? 0) < LISTENS_TO_BYTES) this.client.stream!.resume();
  }

  /** Starts connecting; returns false if no source port is free. A later failure goes to the backend. */
  connect(server: TcpServer): boolean {
    const { backend } = this.target!;
    const { proxyProtocol } = backend;
    const client = this.client.stream!;
    const preface = proxyProtocol && writeProxyHeader(proxyProtocol, this.addresses(client));
    const upstream = new Upstream(server, preface);
    this.timeoutList?.cancel(this);
    const isOpening = upstream.open(this.context.network, this.server, (stream, failure) => {
      if (stream !== undefined) {
        this.onConnected(stream);
        return;
      }
      this.timeoutList?.cancel(this);
      this.upstream = undefined;
      if (this.state !== 'closed') backend.onConnectFailed(this, server, failure!);
    });
    if (!isOpening) return false;
    this.state = 'connecting';
    this.upstream = upstream;
    this.client.stream!.pause();
    server.connectTimeouts.start(this, this.context.tickMs);
    return true;
  }

  private onConnected(stream: ByteStream): void {
    const client = this.client.stream!;
    this.state = 'open';
    this.server.stream = stream;
    this.restartTimeout();
    const { early } = this;
    this.early = undefined;
    this.opening = undefined;
    if (early !== undefined && early.length > 0) {
      this.target!.counters.bytesIn += early.length;
      stream.write(early.view());
    }
    if (this.client.hasEnded) stream.end();
    else if (!stream.isBackedUp) client.resume();
    stream.resume();
  }

  private addresses(client: ByteStream): ProxiedAddresses | undefined {
    if (this.opening?.addresses !== undefined) return this.opening.addresses;
    const source = client.peer();
    const destination = client.local();
    return source.address === '' || destination === undefined ? undefined : { source, destination };
  }

  onFailed(outcome: StreamOutcome): void {
    this.close('reset', outcome);
  }

  // What the sockets say

  onRead(from: End, buffer: Buffer, length: number): void {
    switch (this.state) {
      case 'open':
        this.pass(from, buffer, length);
        return;
      case 'opening':
        this.readOpening(buffer, length);
        return;
      case 'choosing':
      case 'waiting':
      case 'connecting':
        this.early ??= new EarlyBytes();
        this.early.append(buffer, length);
        if (this.early.length >= LISTENS_TO_BYTES) this.client.stream!.pause();
        return;
      case 'closed':
        return;
      default:
        this.state satisfies never;
    }
  }

  private pass(from: End, buffer: Buffer, length: number): void {
    const { counters } = this.target!;
    if (from === this.client) counters.bytesIn += length;
    else counters.bytesOut += length;
    this.restartTimeout();
    const { outgoing } = this.context;
    const to = from.peer.stream!;
    outgoing.reserve(length);
    const end = copyBytes(buffer, 0, length, outgoing.slab, outgoing.offset);
    if (to.write(outgoing.view(end))) {
      // A first write never waits for an acknowledgement, and for many connections it is the only one.
      to.disableNagle();
      return;
    }
    outgoing.commit(end);
    from.stream!.pause();
  }

  onEnd(side: End): void {
    side.hasEnded = true;
    if (this.state === 'opening') {
      this.refuse('incomplete');
    } else if (this.state === 'open') {
      if (side.peer.hasEnded) {
        this.finish();
        return;
      }
      this.serverEndedFirst = side === this.server;
      side.peer.stream!.end();
    }
  }

  onError(): void {
    this.close('reset', 'reset');
  }

  onDrained(side: End): void {
    if (this.state !== 'open') return;
    this.restartTimeout();
    if (!side.peer.hasEnded) side.peer.stream!.resume();
    else if (side.hasEnded) this.finish();
  }

  /** Both sides have sent all; what is still to be written keeps it open. */
  private finish(): void {
    if (this.client.stream!.isBackedUp || this.server.stream!.isBackedUp) return;
    this.close(this.serverEndedFirst ? 'closed-by-peer' : 'closed', 'closed');
  }

  private restartTimeout(): void {
    this.listener.idleTimeouts.start(this, this.context.tickMs);
  }

  onTimeout(): void {
    switch (this.state) {
      case 'opening':
        this.refuse('timeout');
        return;
      case 'waiting':
        this.target!.backend.onQueueTimeout(this);
        return;
      case 'connecting': {
        const { server } = this.upstream!;
        this.upstream!.blame();
        this.upstream!.close('unused');
        this.upstream = undefined;
        this.target!.backend.onConnectFailed(this, server, { kind: 'connect', code: 'TIMEOUT' });
        return;
      }
      case 'open':
        this.close('reset', 'idle');
        return;
      case 'choosing':
      case 'closed':
        return;
      default:
        this.state satisfies never;
    }
  }

  // The end

  /** Takes no new server any more: what has one goes on. */
  drain(): void {
    if (this.state === 'opening' || this.state === 'waiting') this.destroy();
  }

  destroy(): void {
    this.close('reset', 'stopped');
  }

  private close(end: LeaseEnd, outcome: StreamOutcome | undefined): void {
    if (this.state === 'closed') return;
    if (this.state === 'waiting') this.target!.backend.cancel(this);
    this.state = 'closed';
    this.timeoutList?.cancel(this);
    if (outcome !== undefined) this.target?.counters.record(outcome);
    const { stream } = this.client;
    if (end === 'reset') stream!.reset();
    else stream!.close();
    this.listener.onClosed(this);
    this.upstream?.close(end);
    this.upstream = undefined;
  }
}
