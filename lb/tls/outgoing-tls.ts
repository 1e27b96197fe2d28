import type { ByteStream, StreamOwner } from '../net/byte-stream.ts';
import type { TcpStream } from '../net/tcp-stream.ts';
import type { BackendTls } from './backend-tls.ts';

const nothing = (): void => {};

/** TLS towards one server. */
export class OutgoingTls {
  private readonly backend: BackendTls;
  private readonly server: string;
  private readonly peer: { readonly host: string; readonly serverName: string };

  /** `server`: its id. `peer.host`: what its certificate must be for, '' for anything. */
  constructor(backend: BackendTls, server: string, peer: { readonly host: string; readonly serverName: string }) {
    this.backend = backend;
    this.server = server;
    this.peer = peer;
  }

  /**
   * Speaks TLS on a connection that has just been opened. `done` gets the stream when the handshake is over, which belongs to `owner` from
   * then on, or nothing when it came to nothing, and the connection is closed then. Returns a function that gives up.
   */
  secure(tcp: TcpStream, owner: StreamOwner, done: (stream: ByteStream | undefined) => void): () => void {
    let isSettled = false;
    const settle = (found: ByteStream | undefined): void => {
      if (isSettled) return;
      isSettled = true;
      if (found === undefined) stream.close();
      else found.setOwner(owner);
      done(found);
    };
    const open = (reader: StreamOwner): TcpStream => {
      tcp.setOwner(reader);
      return tcp;
    };
    const stream = this.backend.connect(
      open,
      {
        onRead: nothing,
        onDrained: nothing,
        onEnd: () => settle(undefined),
        onError: () => settle(undefined),
        onSecured: () => settle(stream),
      },
      this.server,
      this.peer,
    );
    tcp.disableNagle();
    stream.resume();
    return () => {
      isSettled = true;
      stream.reset();
    };
  }
}
