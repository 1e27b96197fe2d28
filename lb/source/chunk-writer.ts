import { formatIpAddress } from '../../config/ip-address.ts';
import type { SocketChunk } from '../control/messages.ts';
import type { SocketBatch } from '../netlink/socket-batch.ts';

/** So few that an owner is done with them in a moment: its loop has requests to serve. */
const MOST = 8192;

/** Gathers sockets into chunks for one owner. */
export class ChunkWriter {
  private readonly send: (chunk: SocketChunk) => void;
  private readonly sources = new Map<string, number>();
  private readonly destinations = new Map<string, number>();
  /** Names are made once for each remote end. */
  private readonly names = new Map<number | string, string>();
  private source: number[] = [];
  private destination: number[] = [];
  private port: number[] = [];

  constructor(send: (chunk: SocketChunk) => void) {
    this.send = send;
  }

  add(address: string, batch: SocketBatch, i: number): void {
    this.source.push(place(this.sources, address));
    this.destination.push(place(this.destinations, this.remoteOf(batch, i)));
    this.port.push(batch.localPort[i]!);
    if (this.port.length === MOST) this.flush();
  }

  private remoteOf({ remote, remotePort, family }: SocketBatch, i: number): string {
    const port = remotePort[i]!;
    const at = i * 16;
    if (family[i] === 4) {
      const value = ((remote[at]! << 24) | (remote[at + 1]! << 16) | (remote[at + 2]! << 8) | remote[at + 3]!) >>> 0;
      return this.named(value * 65_536 + port, () => `${formatIpAddress({ value: BigInt(value), bits: 32 })}:${port}`);
    }
    const hex = Buffer.from(remote.buffer, remote.byteOffset + at, 16).toString('hex');
    return this.named(`${hex}${port}`, () => `[${formatIpAddress({ value: BigInt(`0x${hex}`), bits: 128 })}]:${port}`);
  }

  private named(key: number | string, make: () => string): string {
    let name = this.names.get(key);
    if (name === undefined) {
      name = make();
      this.names.set(key, name);
    }
    return name;
  }

  /** Sends what has been gathered, if anything. */
  flush(): void {
    if (this.port.length === 0) return;
    this.send({
      sources: [...this.sources.keys()],
      destinations: [...this.destinations.keys()],
      source: Uint16Array.from(this.source),
      destination: Uint32Array.from(this.destination),
      port: Uint16Array.from(this.port),
    });
    this.sources.clear();
    this.destinations.clear();
    this.source = [];
    this.destination = [];
    this.port = [];
  }
}

function place(places: Map<string, number>, name: string): number {
  let at = places.get(name);
  if (at === undefined) {
    at = places.size;
    places.set(name, at);
  }
  return at;
}
