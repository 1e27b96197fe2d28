import { getSystemErrorName } from 'node:util';
import type { ByteStream, LocalAddress, StreamOwner } from './byte-stream.ts';
import { localShortage } from './local-shortage.ts';
import type { AddressInto, ShutdownRequest, TcpBinding, TcpHandle, WriteRequest } from './tcp-binding.ts';

export type { ByteStream, LocalAddress, StreamOwner } from './byte-stream.ts';

const EOF = -4095; // UV_EOF in libuv's uv/errno.h
const nothing = (): void => {};

/**
 * Shared by all streams of a process: the binding, and one read buffer. One buffer serves thousands of sockets because a read is
 * consumed before the next one happens.
 */
export class TcpNetwork {
  readonly binding: TcpBinding;
  readonly readBuffer: Buffer;
  /** Sockets of clients and servers that are open now. */
  openCount = 0;
  /** When so many are open, `onCrowded` runs with each one more. */
  crowdedAt = Number.POSITIVE_INFINITY;
  onCrowded: () => void = nothing;
  /** Sockets that this process may have open. */
  most = Number.POSITIVE_INFINITY;
  /** The kernel has refused one for want of descriptors, whatever `most` says. */
  isRefused = false;
  private spareWrite: WriteRequest;
  private readonly onread: (this: TcpHandle) => void;
  private readonly written: (this: WriteRequest, status: number) => void;
  /** @internal */
  readonly shutDown = function (this: ShutdownRequest): void {
    (this.stream as TcpStream).handleShutDown();
  };

  constructor(binding: TcpBinding, options: { readonly readBufferBytes: number }) {
    this.binding = binding;
    this.readBuffer = Buffer.allocUnsafeSlow(options.readBufferBytes);
    this.spareWrite = new binding.WriteRequest();
    const { state, READ } = binding;
    this.onread = function (this: TcpHandle): void {
      (this.owner as TcpStream | undefined)?.handleRead(state[READ]!);
    };
    this.written = function (this: WriteRequest, status: number): void {
      (this.stream as TcpStream).handleWritten(status);
    };
  }

  /** One more socket can be had. */
  get hasRoom(): boolean {
    return this.openCount < this.most && !this.isRefused;
  }

  /** Takes over a handle from `onconnection`. Reading starts with `resume`. */
  adopt(handle: TcpHandle, owner: StreamOwner): TcpStream {
    if (++this.openCount >= this.crowdedAt) this.onCrowded();
    return new TcpStream(this, handle, owner);
  }

  /**
   * Connects from `local` to `host:port` (IP addresses). `done` gets the stream, or the errno name of the failure; `EADDRINUSE` and
   * `EADDRNOTAVAIL` mean that the port of `local` is taken, or with `isAddressGone` that its address is not on this host. Returns a
   * function that gives up.
   */
  connect(
    local: LocalAddress,
    host: string,
    port: number,
    owner: StreamOwner,
    done: (stream: TcpStream | undefined, error: string, isAddressGone: boolean) => void,
  ): () => void {
    const { Tcp, ConnectRequest, SOCKET } = this.binding;
    const handle = new Tcp(SOCKET);
    this.openCount++;
    let settled = false;
    const settle = (status: number): void => {
      if (settled) return;
      settled = true;
      if (status === 0) {
        done(new TcpStream(this, handle, owner), '', false);
        return;
      }
      this.openCount--;
      handle.close();
      done(undefined, getSystemErrorName(status), isAddressGone);
    };
    const request = new ConnectRequest();
    request.oncomplete = settle;
    const six = host.includes(':');
    // A descriptor is taken by bind().
    let status = six ? handle.bind6(local.address, local.port, 0) : handle.bind(local.address, local.port);
    // bind() says EADDRNOTAVAIL for an address that is not local, connect() for a port that leads to the destination already.
    const isAddressGone = status !== 0 && getSystemErrorName(status) === 'EADDRNOTAVAIL';
    if (status === 0) status = six ? handle.connect6(request, host, port) : handle.connect(request, host, port);
    if (status !== 0 && localShortage(getSystemErrorName(status)) === 'descriptor') this.isRefused = true;
    // A failure at once is reported like a later one, from the event loop, so callers see one order of events.
    if (status !== 0) setImmediate(settle, status);
    return () => {
      if (settled) return;
      settled = true;
      this.openCount--;
      handle.close();
    };
  }

  /** @internal */
  attach(handle: TcpHandle, stream: TcpStream): void {
    handle.owner = stream;
    handle.onread = this.onread;
    handle.useUserBuffer(this.readBuffer);
  }

  /** @internal 0, or a negative errno. */
  write(stream: TcpStream, handle: TcpHandle, data: Uint8Array): number {
    // A write that the kernel takes whole leaves its request object untouched, so one object serves nearly all writes.
    const request = this.spareWrite;
    const status = handle.writeBuffer(request, data);
    if (status !== 0) return status;
    if (this.binding.state[this.binding.PENDING] === 0) return 0;
    request.buffer = data;
    request.stream = stream;
    request.oncomplete = this.written;
    this.spareWrite = new this.binding.WriteRequest();
    stream.pendingWrites++;
    return 0;
  }
}

/** A connected TCP socket. */
export class TcpStream implements ByteStream {
  readonly isEarly = false;
  readonly tls = undefined;
  /** Writes that the kernel has not taken whole yet. */
  pendingWrites = 0;
  private readonly network: TcpNetwork;
  private handle: TcpHandle | undefined;
  private owner: StreamOwner | undefined;
  private reading = false;
  private noDelay = false;
  /** The FIN waits for what is still to be written. */
  private isShuttingDown = false;

  constructor(network: TcpNetwork, handle: TcpHandle, owner: StreamOwner) {
    this.network = network;
    this.handle = handle;
    this.owner = owner;
    network.attach(handle, this);
  }

  get isOpen(): boolean {
    return this.handle !== undefined;
  }

  get isBackedUp(): boolean {
    return this.pendingWrites > 0;
  }

  /** Hands the events to another owner; a WebSocket tunnel takes over from the HTTP side so. */
  setOwner(owner: StreamOwner): void {
    this.owner = owner;
  }

  resume(): void {
    if (this.reading || this.handle === undefined) return;
    this.reading = true;
    this.handle.readStart();
  }

  pause(): void {
    if (!this.reading || this.handle === undefined) return;
    this.reading = false;
    this.handle.readStop();
  }

  /**
   * Writes `data`, whose bytes must not change until `onDrained` if this returns false. A lost connection is reported by `onError`,
   * never from inside this call.
   */
  write(data: Uint8Array): boolean {
    if (this.handle === undefined || data.length === 0) return true;
    const status = this.network.write(this, this.handle, data);
    if (status !== 0) this.failLater(status);
    return this.pendingWrites === 0;
  }

  /** Small writes leave at once from now on instead of waiting for an acknowledgement. */
  disableNagle(): void {
    if (this.noDelay) return;
    this.noDelay = true;
    this.handle?.setNoDelay(true);
  }

  /** Sends FIN after what is still to be written; reading goes on. */
  end(): void {
    if (this.handle === undefined) return;
    const request = new this.network.binding.ShutdownRequest();
    request.stream = this;
    request.oncomplete = this.network.shutDown;
    if (this.handle.shutdown(request) === 0) this.isShuttingDown = true;
  }

  /** Closes for good, at once; no events follow. Idempotent. */
  close(): void {
    const handle = this.handle;
    if (handle === undefined) return;
    this.detach(handle);
    handle.close();
  }

  /**
   * Like `close`, by a reset: the peer sees an error, and neither side keeps the connection in TIME_WAIT. Returns false where it is closed
   * without one: libuv resets nothing whose FIN is on its way, and Node then never closes the handle that it was asked to reset.
   */
  reset(): boolean {
    const handle = this.handle;
    if (handle === undefined) return false;
    this.detach(handle);
    if (!this.isShuttingDown && handle.reset(nothing) === 0) return true;
    handle.close();
    return false;
  }

  /** The peer's IP address; empty where the connection is already gone. */
  peerAddress(): string {
    return this.peer().address;
  }

  /** The peer's IP address and port; empty and 0 where the connection is already gone. */
  peer(): { readonly address: string; readonly port: number } {
    const into: { address?: string; port?: number } = {};
    this.handle?.getpeername(into);
    return { address: into.address ?? '', port: into.port ?? 0 };
  }

  /** The address and port that the peer connected to; undefined where the connection is already gone. */
  local(): LocalAddress | undefined {
    const into: AddressInto = {};
    return this.handle?.getsockname(into) === 0 ? { address: into.address!, port: into.port! } : undefined;
  }

  private detach(handle: TcpHandle): void {
    this.network.openCount--;
    this.handle = undefined;
    this.owner = undefined;
    this.reading = false;
    handle.owner = undefined;
  }

  private failLater(status: number): void {
    const { handle } = this;
    setImmediate(() => {
      if (this.handle === handle) this.owner?.onError(getSystemErrorName(status));
    });
  }

  /** @internal */
  handleRead(length: number): void {
    if (length > 0) {
      this.owner?.onRead(this.network.readBuffer, length);
      return;
    }
    if (length === 0) return;
    this.pause();
    if (length === EOF) this.owner?.onEnd();
    else this.owner?.onError(getSystemErrorName(length));
  }

  /** @internal */
  handleShutDown(): void {
    this.isShuttingDown = false;
  }

  /** @internal */
  handleWritten(status: number): void {
    this.pendingWrites--;
    if (this.handle === undefined) return;
    if (status !== 0) this.owner?.onError(getSystemErrorName(status));
    else if (this.pendingWrites === 0) this.owner?.onDrained();
  }
}
