import type { ByteStream, LocalAddress, StreamOwner } from '../net/byte-stream.ts';
import type { TcpStream } from '../net/tcp-stream.ts';
import { ENDED, FAILED, IS_EARLY, OUT_END, PLAIN_LENGTH, SECURED, TAKEN, WORD } from './native-addon.ts';
import type { NativeTls } from './native-tls.ts';
import type { TlsCounters } from './tls-counters.ts';
import type { HandshakeKind, TlsFacts } from './tls-facts.ts';
import type { OpenTcp } from './tls-provider.ts';

/** Room for a record beside what is written. */
const RECORD_ROOM = 17_000;
/** More is written in several goes. */
const MOST_ROOM = 1 << 18;
const KINDS: readonly HandshakeKind[] = ['full', 'early-refused', 'early-accepted'];

interface Session {
  readonly counters: TlsCounters;
  /** The addon's number of a new session; `length` bytes of the peer are there. Once at most, and not after `abandon`. */
  readonly open: (length: number) => number;
  /** The connection is over. Perhaps again, and perhaps after `open`. */
  readonly abandon: () => void;
}

/**
 * A connection whose bytes are TLS. Its session in the addon is made with the first byte, so that clients who only connect cost nothing,
 * and freed once: when the connection closes or breaks, whatever comes first.
 */
export class NativeTlsStream implements ByteStream, StreamOwner {
  isEarly = false;
  private readonly provider: NativeTls;
  private readonly tcp: TcpStream;
  private readonly session: Session;
  private owner: StreamOwner;
  /** -1: none yet, or none any more. */
  private id = -1;
  private phase: 'handshake' | 'open' | 'over' = 'handshake';
  private hasEnded = false;
  private known: TlsFacts | undefined = undefined;
  private isClient = false;
  /** An authority looks at the certificate, and has nothing to say. */
  private isChallenge = false;

  constructor(provider: NativeTls, open: OpenTcp, owner: StreamOwner, session: Session) {
    this.provider = provider;
    this.owner = owner;
    this.session = session;
    this.tcp = open(this);
  }

  /** As a client: sends the first message. */
  greet(): void {
    this.isClient = true;
    this.id = this.session.open(0);
    this.step(0);
  }

  get isOpen(): boolean {
    return this.phase !== 'over' && this.tcp.isOpen;
  }

  get isBackedUp(): boolean {
    return this.tcp.isBackedUp;
  }

  get tls(): TlsFacts | undefined {
    if (this.known !== undefined || this.id < 0 || (this.phase !== 'open' && !this.isEarly)) return this.known;
    const { addon } = this.provider;
    const word = (which: number): string => addon.word(this.id, which);
    const packed = addon.facts(this.id);
    this.known = {
      ...readFacts(packed),
      cipher: this.provider.cipherName(packed, this.id),
      serverName: word(WORD.serverName).toLowerCase(),
      protocol: word(WORD.protocol),
      peerName: word(WORD.peerName),
    };
    return this.known;
  }

  setOwner(owner: StreamOwner): void {
    this.owner = owner;
  }

  resume(): void {
    this.tcp.resume();
  }

  pause(): void {
    this.tcp.pause();
  }

  write(data: Uint8Array): boolean {
    if (this.id < 0) return true;
    const { provider } = this;
    const { addon, outgoing, state } = provider;
    for (let from = 0; from < data.length; ) {
      const length = data.length - from;
      provider.reserve(Math.min(MOST_ROOM, length + (length >>> 6)) + RECORD_ROOM);
      const isFine = addon.write(this.id, data, from, outgoing.offset) === 1;
      from += state[TAKEN]!;
      this.send(state[OUT_END]!);
      if (!isFine) {
        this.failLater();
        break;
      }
    }
    return !this.tcp.isBackedUp;
  }

  private send(end: number): void {
    const { outgoing } = this.provider;
    if (end === outgoing.offset) return;
    if (!this.tcp.write(outgoing.view(end))) outgoing.commit(end);
  }

  private failLater(): void {
    setImmediate(() => {
      if (this.id >= 0) this.fail();
    });
  }

  disableNagle(): void {
    this.tcp.disableNagle();
  }

  end(): void {
    this.sayGoodbye();
    this.tcp.end();
  }

  /** RFC 8446 §6.1: without it the peer could not tell the end from a cut. */
  private sayGoodbye(): void {
    if (this.id < 0 || this.phase !== 'open') return;
    const { provider } = this;
    provider.reserve();
    provider.addon.shutDown(this.id, provider.outgoing.offset);
    this.send(provider.state[OUT_END]!);
  }

  close(): void {
    this.sayGoodbye();
    this.release('unfinished');
    this.tcp.close();
  }

  reset(): boolean {
    this.release('unfinished');
    return this.tcp.reset();
  }

  /** Gives the session back. `reason`: where the handshake was still under way, why it came to nothing. */
  private release(reason: string): void {
    if (this.phase === 'handshake') this.countUnfinished(reason);
    this.phase = 'over';
    this.session.abandon();
    if (this.id < 0) return;
    this.provider.addon.free(this.id);
    this.id = -1;
  }

  /** Where early data was served, that is what the handshake was for. */
  private countUnfinished(reason: string): void {
    const { counters } = this.session;
    const { tls } = this;
    if (tls === undefined) counters.onFailed(reason);
    else counters.onSecured(tls.version, tls.kind, tls.cipher);
  }

  peerAddress(): string {
    return this.tcp.peerAddress();
  }

  peer(): { readonly address: string; readonly port: number } {
    return this.tcp.peer();
  }

  local(): LocalAddress | undefined {
    return this.tcp.local();
  }

  // What the connection says

  onRead(buffer: Buffer, length: number): void {
    if (this.phase === 'over' || this.hasEnded) return;
    const { readBuffer } = this.provider;
    // What came behind a header that somebody else has read.
    if (buffer !== readBuffer) readBuffer.set(buffer.subarray(0, length));
    if (this.id < 0) {
      this.isChallenge = this.provider.isChallenge(length);
      this.id = this.session.open(length);
    }
    this.step(length);
  }

  private step(length: number): void {
    const { provider } = this;
    provider.reserve();
    const bits = provider.addon.feed(this.id, length, provider.outgoing.offset);
    const plainLength = provider.state[PLAIN_LENGTH]!;
    this.send(provider.state[OUT_END]!);
    if (bits !== 0) {
      if ((bits & IS_EARLY) !== 0) this.isEarly = true;
      if ((bits & SECURED) !== 0) this.onOpen();
    }
    if (plainLength > 0 && this.id >= 0 && !this.isChallenge) this.owner.onRead(provider.plain, plainLength);
    if (this.id < 0) return;
    if ((bits & FAILED) !== 0) {
      this.fail();
    } else if ((bits & ENDED) !== 0) {
      this.hasEnded = true;
      this.owner.onEnd();
    }
  }

  private onOpen(): void {
    const { addon } = this.provider;
    this.phase = 'open';
    this.isEarly = false;
    const packed = addon.facts(this.id);
    const { version, kind } = readFacts(packed);
    this.session.counters.onSecured(version, kind, this.provider.cipherName(packed, this.id));
    if (this.isChallenge) {
      this.hasEnded = true;
      this.owner.onEnd();
      return;
    }
    this.owner.onSecured?.();
  }

  private fail(): void {
    const words = this.provider.addon.word(this.id, WORD.failure);
    this.release(words === '' ? 'closed' : words);
    this.owner.onError('TLS');
  }

  /** The end of TCP without TLS's own. Many clients leave so; of a server it may be somebody else's cut. */
  onEnd(): void {
    if (this.hasEnded || this.phase === 'over') return;
    const wasOpen = this.phase === 'open';
    if (wasOpen && !this.isClient) {
      this.hasEnded = true;
      this.owner.onEnd();
      return;
    }
    this.release('closed');
    this.owner.onError(wasOpen ? 'TRUNCATED' : 'TLS');
  }

  onError(code: string): void {
    this.release('reset');
    this.owner.onError(code);
  }

  onDrained(): void {
    this.owner.onDrained();
  }
}

/** Undoes the packing of `facts` in `addon.c`. */
function readFacts(packed: number): { readonly version: string; readonly kind: HandshakeKind } {
  const early = KINDS[packed >>> 25]!;
  const isResumed = ((packed >>> 24) & 1) === 1;
  return {
    version: ((packed >>> 16) & 0xff) === 4 ? '1.3' : '1.2',
    kind: early === 'full' && isResumed ? 'resumed' : early,
  };
}
