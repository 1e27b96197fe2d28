import { formatIpAddress } from '../config/ip-address.ts';
import type { BusyPorts, HaproxyPorts } from '../lb/haproxy/haproxy-ports.ts';
import type { ServerLine } from '../lb/haproxy/server-lines.ts';
import type { SocketBatch } from '../lb/netlink/socket-batch.ts';
import { openSocketDump, type SocketDump } from '../lb/netlink/socket-dump.ts';
import { BLOCK_SHIFT, BLOCKS_PER_ADDRESS } from '../lb/source/port-block.ts';
import type { PortUse } from '../lb/source/port-use.ts';

/** All states but LISTEN and CLOSE (net/tcp_states.h): a connection in any of them keeps its four numbers to itself. */
const ALIVE = 0xfff & ~(1 << 10) & ~(1 << 7) & ~1;
const TIME_WAIT = 6;
const FAMILIES = [4, 6] as const;

/** What the kernel has of the connections of HAProxy, those of its former workers too. */
export class HaproxySockets {
  private dump: SocketDump | undefined | null = undefined;

  /** Null where the kernel's sockets cannot be read: ports that are busy are then found by trying. */
  private get open(): SocketDump | null {
    if (this.dump !== undefined) return this.dump;
    try {
      this.dump = openSocketDump();
    } catch {
      this.dump = null;
    }
    return this.dump;
  }

  private async each(addresses: readonly string[], take: (batch: SocketBatch, i: number) => void): Promise<void> {
    await this.open?.dump({ sources: addresses, states: ALIVE, families: FAMILIES, isFiltered: true }, (batch) => {
      for (let i = 0; i < batch.count; i++) if (batch.source[i]! < addresses.length) take(batch, i);
    });
  }

  async busy(addresses: readonly string[]): Promise<BusyPorts> {
    const busy = new Map(addresses.map((address) => [address, new Set<number>()]));
    await this.each(addresses, (batch, i) => {
      busy.get(addresses[batch.source[i]!]!)!.add(batch.localPort[i]!);
    });
    return busy;
  }

  /** By block, for the port map. */
  async use(
    ports: HaproxyPorts,
    lines: readonly ServerLine[],
    filter: { readonly source?: string; readonly destination?: string },
  ): Promise<readonly PortUse[]> {
    const addresses = ports.addresses.filter((address) => filter.source === undefined || filter.source === address);
    const known = new Set(lines.map(({ server }) => server.id));
    const uses = new Map<string, PortUse>();
    await this.each(addresses, (batch, i) => {
      const source = addresses[batch.source[i]!]!;
      const port = batch.localPort[i]!;
      const destination = destinationOf(batch, i);
      if (!known.has(destination) || (filter.destination !== undefined && filter.destination !== destination)) return;
      const pool = ports.poolOf(source, port);
      if (pool === undefined) return;
      const key = `${pool} ${source} ${destination}`;
      let use = uses.get(key);
      if (use === undefined) {
        const empty = (): Uint8Array => new Uint8Array(BLOCKS_PER_ADDRESS);
        use = { pool, source, destination, used: empty(), quarantined: empty(), unusable: empty() };
        uses.set(key, use);
      }
      (batch.state[i] === TIME_WAIT ? use.quarantined : use.used)[port >>> BLOCK_SHIFT]!++;
    });
    return [...uses.values()];
  }

  /** Idempotent. */
  close(): void {
    this.dump?.close();
    this.dump = null;
  }
}

function destinationOf({ remote, family, remotePort }: SocketBatch, i: number): string {
  const bytes = remote.subarray(i * 16, i * 16 + (family[i] === 4 ? 4 : 16));
  if (family[i] === 4) return `${bytes.join('.')}:${remotePort[i]}`;
  const value = bytes.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  return `[${formatIpAddress({ value, bits: 128 })}]:${remotePort[i]}`;
}
