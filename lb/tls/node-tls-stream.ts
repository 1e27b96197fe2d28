import { Duplex } from 'node:stream';
import type tls from 'node:tls';
import type { ByteStream, LocalAddress, StreamOwner } from '../net/byte-stream.ts';
import type { TcpStream } from '../net/tcp-stream.ts';
import type { TlsCounters } from './tls-counters.ts';
import type { TlsFacts } from './tls-facts.ts';
import type { OpenTcp } from './tls-provider.ts';

interface Secured {
  readonly socket: tls.TLSSocket;
  /** The peer's certificate, if there is one, has been checked and is fine. */
  readonly isVerified: () => boolean;
}

/** What `TLSSocket` takes for the network: bytes of the connection. */
class Wire extends Duplex {
  private readonly tcp: () => TcpStream;
  private blocked: (() => void) | undefined = undefined;

  constructor(tcp: () => TcpStream) {
    super({ allowHalfOpen: true });
    this.tcp = tcp;
  }

  override _read(): void {
    this.tcp().resume();
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    if (this.tcp().write(chunk)) done();
    else this.blocked = done;
  }

  override _final(done: () => void): void {
    this.tcp().end();
    done();
  }

  onDrained(): void {
    const { blocked } = this;
    this.blocked = undefined;
    blocked?.();
  }
}

/** A connection whose bytes are TLS, by `node:tls`. */
export class NodeTlsStream implements ByteStream, StreamOwner {
  readonly isEarly = false;
  private readonly tcp: TcpStream;
  private readonly counters: TlsCounters;
  private readonly wire: Wire;
  private readonly socket: tls.TLSSocket;
  private readonly isVerified: () => boolean;
  private owner: StreamOwner | undefined;
  private phase: 'handshake' | 'open' | 'over' = 'handshake';
  private isPaused = false;
  private needsDrain = false;
  private known: TlsFacts | undefined = undefined;

  constructor(open: OpenTcp, owner: StreamOwner, counters: TlsCounters, secure: (wire: Duplex) => Secured) {
    this.owner = owner;
    this.counters = counters;
    this.tcp = open(this);
    this.wire = new Wire(() => this.tcp);
    const { socket, isVerified } = secure(this.wire);
    this.socket = socket;
    this.isVerified = isVerified;
    socket.once('secure', () => this.onOpen());
    socket.on('data', (data: Buffer) => this.owner?.onRead(data, data.length));
    socket.on('end', () => this.owner?.onEnd());
    socket.on('drain', () => {
      this.needsDrain = false;
      this.owner?.onDrained();
    });
    socket.on('error', (error: NodeJS.ErrnoException) => this.fail(error));
    socket.on('close', () => this.fail(undefined));
    this.tcp.resume();
  }

  private onOpen(): void {
    if (this.phase !== 'handshake') return;
    const verifyError = (this.socket as unknown as { ssl: { verifyError(): Error | null } }).ssl.verifyError();
    if (verifyError !== null && !this.isVerified()) {
      this.fail(verifyError);
      return;
    }
    this.phase = 'open';
    const { version, kind, cipher } = this.tls!;
    this.counters.onSecured(version, kind, cipher);
    this.owner?.onSecured?.();
  }

  private fail(error: NodeJS.ErrnoException | undefined): void {
    const { owner } = this;
    const wasHandshake = this.phase === 'handshake';
    this.release(error?.code?.replace(/^ERR_(SSL|TLS)_/, '') ?? 'closed');
    owner?.onError(wasHandshake ? 'TLS' : 'ECONNRESET');
  }

  get isOpen(): boolean {
    return this.phase !== 'over' && this.tcp.isOpen;
  }

  get isBackedUp(): boolean {
    return this.needsDrain || this.tcp.isBackedUp;
  }

  get tls(): TlsFacts | undefined {
    if (this.known !== undefined || this.phase !== 'open') return this.known;
    const { socket } = this;
    this.known = {
      version: socket.getProtocol() === 'TLSv1.3' ? '1.3' : '1.2',
      cipher: socket.getCipher().standardName,
      kind: socket.isSessionReused() ? 'resumed' : 'full',
      serverName: ((socket as unknown as { servername?: string | false }).servername || '').toLowerCase(),
      protocol: socket.alpnProtocol || '',
      peerName: this.isVerified() ? subjectOf(socket) : '',
    };
    return this.known;
  }

  setOwner(owner: StreamOwner): void {
    this.owner = owner;
  }

  resume(): void {
    if (this.isPaused) this.socket.resume();
    this.isPaused = false;
  }

  pause(): void {
    this.isPaused = true;
    this.socket.pause();
  }

  write(data: Uint8Array): boolean {
    if (this.phase !== 'open') return true;
    // The caller may use its bytes again at once, and the socket may still hold them.
    if (!this.socket.write(Buffer.from(data))) this.needsDrain = true;
    return !this.needsDrain;
  }

  disableNagle(): void {
    this.tcp.disableNagle();
  }

  end(): void {
    this.socket.end();
  }

  close(): void {
    if (this.phase === 'open' && !this.needsDrain) this.socket.end();
    this.release('unfinished');
    this.tcp.close();
  }

  reset(): boolean {
    this.release('unfinished');
    return this.tcp.reset();
  }

  private release(reason: string): void {
    if (this.phase === 'handshake') this.counters.onFailed(reason);
    this.phase = 'over';
    this.owner = undefined;
    this.socket.destroy();
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
    if (this.phase === 'over') return;
    // The buffer is used for the next read.
    if (!this.wire.push(Buffer.from(buffer.subarray(0, length)))) this.tcp.pause();
  }

  onEnd(): void {
    this.wire.push(null);
  }

  onError(code: string): void {
    const { owner } = this;
    this.release('reset');
    owner?.onError(code);
  }

  onDrained(): void {
    this.wire.onDrained();
  }
}

/** As RFC 2253 writes it, as far as names of letters go. */
function subjectOf(socket: tls.TLSSocket): string {
  const { subject } = socket.getPeerCertificate();
  if (subject === undefined) return '';
  return Object.entries(subject)
    .reverse()
    .flatMap(([type, values]) => [values].flat().map((value) => `${type}=${escapeName(String(value))}`))
    .join(',');
}

function escapeName(text: string): string {
  return text
    .replaceAll(/[,+"\\<>;]/g, (found) => `\\${found}`)
    .replaceAll(/[^ -~]/g, (found) =>
      [...Buffer.from(found)].map((byte) => `\\${byte.toString(16).toUpperCase().padStart(2, '0')}`).join(''),
    );
}
