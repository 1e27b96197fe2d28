import type { StreamOwner } from '../net/byte-stream.ts';
import { TlsCounters } from './tls-counters.ts';
import type { OpenTcp, SecureStream, TlsServerSide } from './tls-provider.ts';

/** Makes streams of the connections of one listener. */
export class ListenerTls {
  readonly counters = new TlsCounters();
  private side: TlsServerSide | undefined = undefined;

  /** For connections from now on. */
  use(side: TlsServerSide): void {
    this.side?.drop();
    this.side = side;
  }

  /** There are no more connections: its certificates and keys need not be kept. `use` before the next one. */
  forget(): void {
    this.side?.drop();
    this.side = undefined;
  }

  /** The owner hears `onSecured` when the handshake is over. */
  accept(open: OpenTcp, owner: StreamOwner): SecureStream {
    return this.side!.accept(open, owner, this.counters);
  }
}
