import type { TlsFacts } from '../tls/tls-facts.ts';

/** What a stream tells its owner. All calls come from the event loop, never from inside a call of the stream's own methods. */
export interface StreamOwner {
  /**
   * `length` bytes stand at the start of `buffer`, valid until this returns.
   */
  onRead(buffer: Buffer, length: number): void;
  /** The peer will send no more. */
  onEnd(): void;
  /** The connection is lost; `code` is an errno name such as `ECONNRESET`. */
  onError(code: string): void;
  /** All that was written has been taken by the kernel, after a `write` that returned false. */
  onDrained(): void;
  /** A TLS handshake is over. Comes once, after what was read of early data and before all else. */
  onSecured?(): void;
}

export interface LocalAddress {
  readonly address: string;
  readonly port: number;
}

/** A connection, in the clear or by TLS. */
export interface ByteStream {
  readonly isOpen: boolean;
  readonly isBackedUp: boolean;
  /** What is read comes as TLS early data: it may be a replay, until `onSecured`. */
  readonly isEarly: boolean;
  /** Undefined without TLS, and before its handshake is over. */
  readonly tls: TlsFacts | undefined;
  /** Hands the events to another owner; a WebSocket tunnel takes over from the HTTP side so. */
  setOwner(owner: StreamOwner): void;
  resume(): void;
  pause(): void;
  /**
   * Writes `data`, whose bytes must not change until `onDrained` if this returns false. A lost connection is reported by `onError`,
   * never from inside this call.
   */
  write(data: Uint8Array): boolean;
  /** Small writes leave at once from now on instead of waiting for an acknowledgement. */
  disableNagle(): void;
  /** Ends the sending side after what is still to be written; reading goes on. */
  end(): void;
  /** Closes for good, at once; no events follow. Idempotent. */
  close(): void;
  /** Like `close`, by a reset: the peer sees an error, and neither side keeps the connection in TIME_WAIT. False: closed without one. */
  reset(): boolean;
  /** The peer's IP address; empty where the connection is already gone. */
  peerAddress(): string;
  /** The peer's IP address and port; empty and 0 where the connection is already gone. */
  peer(): { readonly address: string; readonly port: number };
  /** The address and port that the peer connected to; undefined where the connection is already gone. */
  local(): LocalAddress | undefined;
}
