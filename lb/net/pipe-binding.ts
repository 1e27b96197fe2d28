import { type TcpHandle, UnsupportedRuntimeError } from './tcp-binding.ts';

/**
 * Node's own handle of a Unix socket, as `child_process` uses it: unlike `node:net`, it can pass sockets on (SCM_RIGHTS), and unlike the
 * channel of `child_process`, it reaches a process that is not a child. Node's handle has kept this shape since Node 12.
 */
export interface PipeHandle {
  onread: (this: PipeHandle, data: ArrayBuffer | undefined) => void;
  onconnection: (this: PipeHandle, status: number, client: PipeHandle) => void;
  /** A socket that came with what was read; set by Node before `onread`. */
  pendingHandle: TcpHandle | null;
  readonly fd: number;
  bind(path: string): number;
  listen(backlog: number): number;
  connect(request: PipeRequest, path: string): number;
  /** Takes over a descriptor. */
  open(fd: number): number;
  readStart(): number;
  writeBuffer(request: PipeRequest, data: Uint8Array): number;
  /** The only kind of write that takes a socket along. */
  writeLatin1String(request: PipeRequest, data: string, handle?: TcpHandle): number;
  close(done?: () => void): void;
  ref(): void;
  unref(): void;
}

export interface PipeRequest {
  oncomplete: (status: number) => void;
  /** What the kernel has not taken yet stays reachable through it. */
  data?: Uint8Array;
}

export interface PipeBinding {
  readonly Pipe: new (type: number) => PipeHandle;
  readonly ConnectRequest: new () => PipeRequest;
  readonly WriteRequest: new () => PipeRequest;
  readonly SERVER: number;
  /** A pipe that sockets can be passed through. */
  readonly IPC: number;
  /** Filled by Node before `onread`; read it at once. */
  readonly state: Int32Array;
  /** Index of `state`: bytes read, or a negative errno. */
  readonly READ: number;
  /** Index of `state`: where in the buffer they begin. */
  readonly OFFSET: number;
}

interface RawBindings {
  pipe_wrap: {
    Pipe: PipeBinding['Pipe'];
    PipeConnectWrap: PipeBinding['ConnectRequest'];
    constants: { SERVER: number; IPC: number };
  };
  stream_wrap: {
    WriteWrap: PipeBinding['WriteRequest'];
    streamBaseState: Int32Array;
    kReadBytesOrError: number;
    kArrayBufferOffset: number;
  };
}

/** Throws UnsupportedRuntimeError where this Node has no such handle. */
export function loadPipeBinding(): PipeBinding {
  const { binding } = process as unknown as { binding?: <N extends keyof RawBindings>(name: N) => RawBindings[N] };
  try {
    const pipe = binding!('pipe_wrap');
    const stream = binding!('stream_wrap');
    const prototype = pipe.Pipe.prototype as unknown as Record<string, unknown>;
    for (const method of ['bind', 'listen', 'connect', 'open', 'readStart', 'writeBuffer', 'writeLatin1String']) {
      if (typeof prototype[method] !== 'function') throw new TypeError(`Pipe.${method} is missing`);
    }
    return {
      Pipe: pipe.Pipe,
      ConnectRequest: pipe.PipeConnectWrap,
      WriteRequest: stream.WriteWrap,
      SERVER: pipe.constants.SERVER,
      IPC: pipe.constants.IPC,
      state: stream.streamBaseState,
      READ: stream.kReadBytesOrError,
      OFFSET: stream.kArrayBufferOffset,
    };
  } catch (cause) {
    throw new UnsupportedRuntimeError(
      `Node ${process.versions.node} does not offer the pipe handles that Portico needs; use Node 20, 22 or 24, without --permission.`,
      { cause },
    );
  }
}
