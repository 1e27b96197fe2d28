/**
 * The part of Node's own TCP handle that the data plane uses: what `node:net` is built on, without its streams.
 *
 * Why not `node:net`: a keep-alive request relayed by two `net.Socket`s costs about three times the CPU, an accepted socket cannot be
 * given a read buffer (so each read allocates), and an idle one holds some 3 KB of stream state. Why not uWebSockets.js in front: it
 * leaves malformed requests without an answer, refuses HTTP/1.0 with 505, drops clients that pipeline, accepts two `Host` fields, and
 * offers no tunnel; all of these were measured with version 3.0.6 of its package.
 *
 * Only this and `pipe-binding.ts` touch `process.binding`. Node documents it as deprecated without a date; its TCP handle has kept this
 * shape since Node 12. `loadTcpBinding` fails with one clear error where it changed.
 */
export interface TcpHandle {
  /** The object whose methods hear of what happens; `tcp-stream.ts` sets it. */
  owner: unknown;
  onread: (this: TcpHandle) => void;
  onconnection: (this: TcpHandle, status: number, client: TcpHandle) => void;
  readonly writeQueueSize: number;
  /** Negative once it is closed. */
  readonly fd: number;
  bind(address: string, port: number): number;
  bind6(address: string, port: number, flags: number): number;
  connect(request: ConnectRequest, address: string, port: number): number;
  connect6(request: ConnectRequest, address: string, port: number): number;
  listen(backlog: number): number;
  readStart(): number;
  readStop(): number;
  /** All reads go to `buffer`. */
  useUserBuffer(buffer: Uint8Array): void;
  writeBuffer(request: WriteRequest, data: Uint8Array): number;
  shutdown(request: ShutdownRequest): number;
  setNoDelay(on: boolean): number;
  open(fd: number): number;
  getpeername(into: AddressInto): number;
  getsockname(into: AddressInto): number;
  /** Sends a reset instead of the normal closing handshake. */
  reset(done: () => void): number;
  close(done?: () => void): void;
  ref(): void;
  unref(): void;
}

export interface AddressInto {
  address?: string;
  family?: string;
  port?: number;
}

export interface ConnectRequest {
  oncomplete: (status: number) => void;
}

export interface WriteRequest {
  oncomplete: (this: WriteRequest, status: number) => void;
  /** What the kernel has not taken yet stays reachable through it. */
  buffer: Uint8Array | undefined;
  stream: unknown;
}

export interface ShutdownRequest {
  oncomplete: (this: ShutdownRequest, status: number) => void;
  stream: unknown;
}

export interface TcpBinding {
  readonly Tcp: new (type: number) => TcpHandle;
  readonly ConnectRequest: new () => ConnectRequest;
  readonly WriteRequest: new () => WriteRequest;
  readonly ShutdownRequest: new () => ShutdownRequest;
  readonly SOCKET: number;
  readonly SERVER: number;
  /** Filled by Node before `onread` and after a write; read it at once. */
  readonly state: Int32Array;
  /** Index of `state`: bytes read, or a negative errno. */
  readonly READ: number;
  /** Index of `state`: not 0 when the last write was not taken whole by the kernel at once. */
  readonly PENDING: number;
}

export class UnsupportedRuntimeError extends Error {
  readonly code = 'UNSUPPORTED_RUNTIME';
  readonly source = 'local';
  readonly retryable = false;
}

interface RawBindings {
  tcp_wrap: {
    TCP: TcpBinding['Tcp'];
    TCPConnectWrap: TcpBinding['ConnectRequest'];
    constants: { SOCKET: number; SERVER: number };
  };
  stream_wrap: {
    WriteWrap: TcpBinding['WriteRequest'];
    ShutdownWrap: TcpBinding['ShutdownRequest'];
    streamBaseState: Int32Array;
    kReadBytesOrError: number;
    kLastWriteWasAsync: number;
  };
}

/** Throws UnsupportedRuntimeError where this Node has no such handle. */
export function loadTcpBinding(): TcpBinding {
  const { binding } = process as unknown as { binding?: <N extends keyof RawBindings>(name: N) => RawBindings[N] };
  try {
    const tcp = binding!('tcp_wrap');
    const stream = binding!('stream_wrap');
    const prototype = tcp.TCP.prototype as unknown as Record<string, unknown>;
    for (const method of ['bind', 'connect', 'listen', 'readStart', 'useUserBuffer', 'writeBuffer', 'reset']) {
      if (typeof prototype[method] !== 'function') throw new TypeError(`TCP.${method} is missing`);
    }
    return {
      Tcp: tcp.TCP,
      ConnectRequest: tcp.TCPConnectWrap,
      WriteRequest: stream.WriteWrap,
      ShutdownRequest: stream.ShutdownWrap,
      SOCKET: tcp.constants.SOCKET,
      SERVER: tcp.constants.SERVER,
      state: stream.streamBaseState,
      READ: stream.kReadBytesOrError,
      PENDING: stream.kLastWriteWasAsync,
    };
  } catch (cause) {
    throw new UnsupportedRuntimeError(
      `Node ${process.versions.node} does not offer the TCP handles that Portico needs; use Node 20, 22 or 24, without --permission.`,
      { cause },
    );
  }
}
