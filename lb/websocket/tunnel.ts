import type { HttpContext } from '../http/http-context.ts';
import type { UpstreamConnection } from '../http/upstream-connection.ts';
import type { ByteStream, StreamOwner } from '../net/byte-stream.ts';
import { copyBytes } from '../net/copy-bytes.ts';
import { Expirable, type TimeoutList } from '../timeout-list.ts';
import { type FrameFollower, FrameScanner, NO_FRAMES } from './frame-scanner.ts';

const GOING_AWAY = 1001;
const TOO_BIG = 1009;

/** A Close frame. A client has to mask; the mask of zeros leaves the payload as it is (RFC 6455 §5.3). */
function closeFrame(code: number, isMasked: boolean): Buffer {
  const payload = [code >> 8, code & 0xff];
  return Buffer.from(isMasked ? [0x88, 0x82, 0, 0, 0, 0, ...payload] : [0x88, 0x02, ...payload]);
}

/** One side of a tunnel: reads from its socket, writes to the other side's. */
class End implements StreamOwner {
  stream!: ByteStream;
  peer!: End;
  /** Follows what this side sends. */
  readonly scanner: FrameFollower;
  /** What of it was passed on. */
  bytes = 0;
  /** Its frames are no longer passed on: the other side has been told that this WebSocket is over. */
  isMuted = false;
  hasEnded = false;
  private readonly tunnel: Tunnel;

  constructor(tunnel: Tunnel, maxMessageBytes: number | undefined) {
    this.tunnel = tunnel;
    this.scanner = maxMessageBytes === undefined ? NO_FRAMES : new FrameScanner(maxMessageBytes);
  }

  onRead(buffer: Buffer, length: number): void {
    this.tunnel.relay(this, buffer, length);
  }

  onEnd(): void {
    this.tunnel.onEnd(this);
  }

  onError(): void {
    this.tunnel.destroy();
  }

  onDrained(): void {
    this.peer.stream.resume();
  }
}

/**
 * Two sockets after a switch to another protocol: bytes pass unchanged, so of a WebSocket close codes, pings, subprotocols, compression and
 * masking stay between client and server. Each side is read only as fast as the other takes it. Who has to be told that it is over gets a
 * Close frame, between two frames of a WebSocket; no other protocol has a word for it here.
 */
export class Tunnel extends Expirable {
  private readonly context: HttpContext;
  private readonly timeouts: TimeoutList;
  private readonly connection: UpstreamConnection;
  private readonly client: End;
  private readonly server: End;
  private readonly onClosed: () => void;
  private isOver = false;

  constructor(
    deps: {
      readonly context: HttpContext;
      readonly timeouts: TimeoutList;
      readonly client: ByteStream;
      readonly connection: UpstreamConnection;
    },
    /** `maxMessageBytes`: of a WebSocket. */
    options: { readonly maxMessageBytes: number | undefined },
    onClosed: () => void,
  ) {
    super();
    this.context = deps.context;
    this.timeouts = deps.timeouts;
    this.connection = deps.connection;
    this.onClosed = onClosed;
    this.client = new End(this, options.maxMessageBytes);
    this.server = new End(this, options.maxMessageBytes);
    this.client.peer = this.server;
    this.server.peer = this.client;
    this.client.stream = deps.client;
    deps.client.setOwner(this.client);
    this.server.stream = deps.connection.becomeTunnel(this.server);
  }

  /** From the client and to it, with the frames' own bytes. */
  get traffic(): { readonly bytesIn: number; readonly bytesOut: number } {
    return { bytesIn: this.client.bytes, bytesOut: this.server.bytes };
  }

  /** Passes on what each side sent before the switch was complete, then whatever comes. */
  start(fromServer: Buffer, fromClient: Buffer | undefined): void {
    this.timeouts.start(this, this.context.tickMs);
    if (fromServer.length > 0) this.relay(this.server, fromServer, fromServer.length);
    if (fromClient !== undefined) this.relay(this.client, fromClient, fromClient.length);
    if (!this.isOver && !this.server.stream.isBackedUp) this.client.stream.resume();
  }

  relay(from: End, buffer: Buffer, length: number): void {
    if (from.isMuted || this.isOver) return;
    const wasBetweenFrames = from.scanner.isBetweenFrames;
    if (!from.scanner.scan(buffer, 0, length)) {
      this.closeBoth(TOO_BIG, from, wasBetweenFrames);
      return;
    }
    this.timeouts.start(this, this.context.tickMs);
    from.bytes += length;
    const { outgoing } = this.context;
    outgoing.reserve(length);
    const end = copyBytes(buffer, 0, length, outgoing.slab, outgoing.offset);
    if (from.peer.stream.write(outgoing.view(end))) return;
    outgoing.commit(end);
    from.stream.pause();
  }

  /** One side has finished sending: the other hears of it, and may still send what it has. */
  onEnd(side: End): void {
    side.hasEnded = true;
    if (side.peer.hasEnded) this.finish();
    else side.peer.stream.end();
  }

  onTimeout(): void {
    this.closeBoth(GOING_AWAY, undefined, true);
  }

  /** The balancer stops: both sides are told with code 1001 and asked to close. */
  drain(): void {
    if (this.isOver) return;
    for (const side of [this.client, this.server]) {
      if (side.peer.scanner.isBetweenFrames && !side.peer.isMuted) this.sendClose(side, GOING_AWAY);
    }
  }

  destroy(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.timeoutList?.cancel(this);
    this.client.stream.reset();
    this.connection.close('reset');
    this.onClosed();
  }

  private closeBoth(code: number, offender: End | undefined, offenderWasBetweenFrames: boolean): void {
    for (const side of [this.client, this.server]) {
      const canInsert = side.peer === offender ? offenderWasBetweenFrames : side.peer.scanner.isBetweenFrames;
      if (canInsert) this.sendClose(side, code);
    }
    this.finish();
  }

  private sendClose(to: End, code: number): void {
    to.peer.isMuted = true;
    to.stream.write(closeFrame(code, to === this.server));
  }

  private finish(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.timeoutList?.cancel(this);
    const serverFirst = this.server.hasEnded;
    this.connection.close(serverFirst ? 'closed-by-peer' : 'closed');
    this.onClosed();
  }
}
