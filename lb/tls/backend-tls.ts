import type { ByteStream, StreamOwner } from '../net/byte-stream.ts';
import { TlsCounters } from './tls-counters.ts';
import type { OpenTcp, TlsClientSide, TlsPeer, TlsProvider } from './tls-provider.ts';

/** Makes streams of connections to the servers of one backend. */
export class BackendTls {
  readonly counters = new TlsCounters();
  private provider: TlsProvider | undefined = undefined;
  private side: TlsClientSide | undefined = undefined;
  /** Where the last session with each server is kept. */
  private readonly slots = new Map<string, number>();

  /** For connections from now on. Sessions of before are forgotten: others may be trusted now. */
  use(provider: TlsProvider, side: TlsClientSide): void {
    for (const slot of this.slots.values()) this.provider?.dropSlot(slot);
    this.slots.clear();
    this.side?.drop();
    this.provider = provider;
    this.side = side;
  }

  /** The owner hears `onSecured`, or `onError`. */
  connect(open: OpenTcp, owner: StreamOwner, server: string, peer: Omit<TlsPeer, 'slot'>): ByteStream {
    return this.side!.connect(open, owner, this.counters, { ...peer, slot: this.slotOf(server) });
  }

  private slotOf(server: string): number {
    const known = this.slots.get(server) ?? this.provider!.createSlot();
    this.slots.set(server, known);
    return known;
  }

  /** The server is gone. */
  forget(server: string): void {
    const slot = this.slots.get(server);
    if (slot !== undefined) this.provider!.dropSlot(slot);
    this.slots.delete(server);
  }
}
