import { getSystemErrorName } from 'node:util';
import type { TcpBinding, TcpHandle } from './tcp-binding.ts';

/** The address of a listener cannot be had; `code` is an errno name such as `EADDRINUSE` or `EACCES`. */
export class ListenError extends Error {
  readonly code: string;
  readonly source = 'local';
  readonly retryable = false;

  constructor(code: string, host: string, port: number) {
    super(`cannot listen on ${host}:${port}: ${code}`);
    this.code = code;
  }
}

/** A bound socket that does not accept yet; the planes do. */
export interface ListenSocket {
  /** For `process.send`, which gives the other process its own descriptor of the same socket. */
  readonly handle: TcpHandle;
  /** The bound port: what the kernel chose where 0 was asked for. */
  readonly port: number;
  close(): void;
}

/** Throws ListenError. A port that some other program listens on is found here, before any plane starts. */
export function openListenSocket(binding: TcpBinding, host: string, port: number): ListenSocket {
  const handle = new binding.Tcp(binding.SERVER);
  const fail = (status: number): never => {
    handle.close();
    throw new ListenError(getSystemErrorName(status), host, port);
  };
  const status = host.includes(':') ? handle.bind6(host, port, 0) : handle.bind(host, port);
  if (status !== 0) fail(status);
  const name: { port?: number } = {};
  // libuv holds EADDRINUSE back until the first use of the socket; this is one.
  const named = handle.getsockname(name);
  if (named !== 0) fail(named);
  return { handle, port: name.port!, close: () => handle.close() };
}

/** A socket that was bound by another process, and came from it. */
export function toListenSocket(handle: TcpHandle): ListenSocket {
  const name: { port?: number } = {};
  handle.getsockname(name);
  return { handle, port: name.port ?? 0, close: () => handle.close() };
}
