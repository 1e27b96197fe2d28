import type { Clock, Timer } from '../clock.ts';
import type { AvoidedPorts, PlaneCommand, SocketChunk } from '../control/messages.ts';
import { listeningPorts } from '../kernel/listening-ports.ts';
import type { SocketBatch } from '../netlink/socket-batch.ts';
import type { SocketDump } from '../netlink/socket-dump.ts';
import type { BlockLedger } from './block-ledger.ts';
import { ChunkWriter } from './chunk-writer.ts';

/** All states but LISTEN, TIME_WAIT, CLOSE and requests for a connection (net/tcp_states.h): those in which a process may hold a socket. */
const CONNECTED = (1 << 1) | (1 << 2) | (1 << 4) | (1 << 5) | (1 << 8) | (1 << 9) | (1 << 11);
const PERIOD_MS = 10_000;
const FAMILIES = [4, 6] as const;
const NO_PORTS = new Uint16Array();

export interface SocketScanDeps {
  readonly clock: Clock;
  readonly dump: Pick<SocketDump, 'dump'>;
  readonly ledger: BlockLedger;
  readonly send: (owner: string, command: PlaneCommand) => void;
  readonly broadcast: (command: PlaneCommand) => void;
  /** Ports that a reservation keeps for other programs. */
  readonly reserved: (pool: string) => readonly { readonly low: number; readonly high: number }[];
  /** Every source address there is now. */
  readonly sources: () => readonly { readonly pool: string; readonly address: string }[];
  readonly onError: (error: Error) => void;
}

/**
 * Reads the kernel's TCP sockets again and again: tells each owner of the sockets on its ports, and everyone which ports others hold,
 * because a program listens there, or has a socket on a port that is nobody's here.
 */
export class SocketScan {
  private readonly deps: SocketScanDeps;
  private readonly avoidedPorts = new Map<string, AvoidedPorts>();
  private timer: Timer | undefined = undefined;
  private isRunning = false;

  constructor(deps: SocketScanDeps) {
    this.deps = deps;
  }

  /** What everyone has been told to avoid. */
  get avoided(): readonly AvoidedPorts[] {
    return [...this.avoidedPorts.values()];
  }

  avoidedOf(pool: string, address: string): Uint16Array {
    return this.avoidedPorts.get(`${pool} ${address}`)?.ports ?? NO_PORTS;
  }

  /** Resolves after the first scan. */
  async start(): Promise<void> {
    this.timer = this.deps.clock.every(PERIOD_MS, () => void this.scan());
    await this.scan();
  }

  stop(): void {
    this.deps.clock.clear(this.timer);
  }

  /** Never rejects. One that comes while another runs does nothing. */
  async scan(): Promise<void> {
    if (this.isRunning) return;
    this.isRunning = true;
    try {
      await this.scanOnce();
    } catch (error) {
      this.deps.onError(error as Error);
    }
    this.isRunning = false;
  }

  private async scanOnce(): Promise<void> {
    const { dump, ledger, broadcast, reserved } = this.deps;
    const sources = this.deps.sources();
    const addresses = [...new Set(sources.map(({ address }) => address))];
    const places = addresses.map((address) =>
      sources
        .filter((source) => source.address === address)
        .map(({ pool }) => ({ pool, owners: ledger.ownersOf(pool, address), held: new Set<number>() })),
    );
    const listening = await listeningPorts(dump, addresses);
    const pools = [...new Set(sources.map(({ pool }) => pool))];
    for (const pool of pools) broadcast({ type: 'audit-begin', pool });
    const writers = new Map<string, ChunkWriter>();
    const { isComplete } = await dump.dump({ sources: addresses, states: CONNECTED, families: FAMILIES }, (batch) => {
      for (let i = 0; i < batch.count; i++) this.sort(batch, i, addresses, places, writers);
    });
    for (const writer of writers.values()) writer.flush();
    for (const pool of pools) broadcast({ type: 'audit-end', pool, isWhole: isComplete });
    addresses.forEach((address, i) => {
      for (const { pool, owners, held } of places[i]!) {
        const ports = new Set(held);
        for (const port of listening[i]!) if (owners(port) !== null) ports.add(port);
        for (const { low, high } of reserved(pool)) {
          for (let port = low; port <= high; port++) if (owners(port) !== null) ports.add(port);
        }
        this.avoid(pool, address, ports);
      }
    });
  }

  private sort(
    batch: SocketBatch,
    i: number,
    addresses: readonly string[],
    places: readonly (readonly {
      readonly pool: string;
      readonly owners: (port: number) => string | undefined | null;
      readonly held: Set<number>;
    }[])[],
    writers: Map<string, ChunkWriter>,
  ): void {
    const index = batch.source[i]!;
    if (index >= addresses.length || batch.inode[i] === 0) return;
    const port = batch.localPort[i]!;
    for (const { pool, owners, held } of places[index]!) {
      const owner = owners(port);
      if (owner === null) continue;
      if (owner === undefined) {
        held.add(port);
        continue;
      }
      const key = `${owner} ${pool}`;
      let writer = writers.get(key);
      if (writer === undefined) {
        writer = new ChunkWriter((chunk: SocketChunk) => this.deps.send(owner, { type: 'audit', pool, chunk }));
        writers.set(key, writer);
      }
      writer.add(addresses[index]!, batch, i);
    }
  }

  private avoid(pool: string, address: string, ports: ReadonlySet<number>): void {
    const sorted = Uint16Array.from(ports).sort();
    const before = this.avoidedOf(pool, address);
    if (sorted.length === before.length && sorted.every((port, i) => port === before[i])) return;
    const avoided = { pool, address, ports: sorted };
    this.avoidedPorts.set(`${pool} ${address}`, avoided);
    this.deps.broadcast({ type: 'avoid', ...avoided });
  }
}
