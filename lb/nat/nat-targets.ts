import type { ConntrackBatch } from '../netlink/conntrack-batch.ts';
import type { ConntrackEraser } from '../netlink/conntrack-eraser.ts';
import type { Family, Protocol } from './nat-plan.ts';
import { familyOf } from './nat-ports.ts';
import { TargetPorts } from './target-ports.ts';
import { TargetSteering } from './target-steering.ts';

/** A server as connections of one pool reach it. */
export interface Target {
  readonly id: number;
  readonly pool: string;
  readonly family: Family;
  readonly protocol: Protocol;
  readonly host: string;
  readonly port: number;
  /** `address:port`, or `address:port/udp`. */
  readonly name: string;
  readonly steering: TargetSteering;
  /** A round of the loop that wanted it; those that no backend has any more are forgotten when nothing is open to them. */
  isWanted: boolean;
}

const TCP = 6;
const UDP = 17;
/** TCP_CONNTRACK_TIME_WAIT and TCP_CONNTRACK_CLOSE: ended, and remembered for a while. */
const TIME_WAIT = 7;
const CLOSE = 8;
const UNKNOWN = 65_535;

export interface NatTargetsOptions {
  /** The kernel evicts ended connections (since Linux 6.3). */
  readonly canEvict: boolean;
  readonly eraser: Pick<ConntrackEraser, 'add' | 'flush'>;
}

const AF_INET = 2;
const AF_INET6 = 10;

/** All servers that the rules lead to, or led to, and what the connection tracking table says of them. */
export class NatTargets {
  /** Connections to servers that are none of the targets: their ports are taken all the same. */
  readonly others = new TargetPorts();
  /** Open connections by the protocol and port that the client connected to. */
  private held = new Map<number, number>();
  private heldNext = new Map<number, number>();
  private readonly targets = new Map<string, Target>();
  private readonly options: NatTargetsOptions;
  private nextId = 1;
  private hosts: readonly string[] = [];
  private sources: readonly { readonly pool: string; readonly address: string }[] = [];
  private readonly found = new Map<number, Target[]>();

  constructor(options: NatTargetsOptions) {
    this.options = options;
  }

  get all(): readonly Target[] {
    return [...this.targets.values()];
  }

  get(pool: string, protocol: Protocol, host: string, port: number): Target {
    const key = `${pool} ${protocol} ${host} ${port}`;
    const known = this.targets.get(key);
    if (known !== undefined) return known;
    const address = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
    const target = {
      id: this.nextId++,
      pool,
      family: familyOf(host),
      protocol,
      host,
      port,
      name: protocol === 'tcp' ? address : `${address}/udp`,
      steering: new TargetSteering({ canEvict: this.options.canEvict }),
      isWanted: true,
    };
    this.targets.set(key, target);
    return target;
  }

  /** Forgets those that nobody wants and nothing is open to. */
  prune(): void {
    for (const [key, { isWanted, steering }] of this.targets) {
      if (!isWanted && !steering.ports.isBusy) this.targets.delete(key);
    }
  }

  /** Starts a reading; returns what to read. */
  begin(sources: readonly { readonly pool: string; readonly address: string }[]): {
    readonly sources: readonly string[];
    readonly servers: readonly string[];
  } {
    this.hosts = [...new Set(this.all.map(({ host }) => host))];
    this.sources = sources;
    this.found.clear();
    for (const target of this.all) {
      const key = keyOf(this.hosts.indexOf(target.host), target.port, target.protocol === 'udp');
      this.found.set(key, [...(this.found.get(key) ?? []), target]);
      target.steering.beginReading();
    }
    this.others.begin();
    this.heldNext = new Map();
    return { sources: sources.map(({ address }) => address), servers: this.hosts };
  }

  /**
   * Where ports run short, connections that have ended are noted down to be forgotten, and their ports are free: of those that the client
   * ended first or that were reset, the server remembers nothing that a new connection from the same port could run into. Where the server
   * ended first, its own TIME_WAIT takes a new connection only if its sequence number or timestamp is higher (RFC 6191), and of another client
   * that is a matter of chance: such a port rests.
   */
  read(batch: ConntrackBatch): void {
    for (let i = 0; i < batch.count; i++) {
      const protocol = batch.protocol[i]!;
      if (protocol !== TCP && protocol !== UDP) continue;
      const { pool, address } = this.sources[batch.source[i]!]!;
      const server = batch.server[i]!;
      const key = keyOf(server, batch.serverPort[i]!, protocol === UDP);
      const targets = server === UNKNOWN ? undefined : this.found.get(key);
      const target = targets?.find((each) => each.pool === pool);
      const state = batch.state[i]!;
      const isOver = protocol === TCP && (state === TIME_WAIT || state === CLOSE);
      const isHarmless = isOver && (state === CLOSE || batch.isEndedByClient[i] === 1);
      if (isHarmless && target?.steering.tickets.isLimited === true) {
        this.options.eraser.add(batch, i, target.family === 6 ? AF_INET6 : AF_INET);
        continue;
      }
      (target?.steering.ports ?? this.others).mark(address, batch.sourcePort[i]!, isOver);
      if (isOver || target === undefined) continue;
      const listener = listenerKey(protocol === UDP ? 'udp' : 'tcp', batch.listenerPort[i]!);
      this.heldNext.set(listener, (this.heldNext.get(listener) ?? 0) + 1);
    }
    void this.options.eraser.flush();
  }

  /** What has ended is to be forgotten before its ports are given out again. */
  async commit(): Promise<void> {
    await this.options.eraser.flush();
    for (const { steering } of this.targets.values()) steering.endReading();
    this.others.commit();
    this.held = this.heldNext;
  }

  fail(): void {
    for (const { steering } of this.targets.values()) steering.failReading();
  }

  /** Connections that are open, by what the client connected to, as of the last reading. */
  heldBy(protocol: Protocol, port: number): number {
    return this.held.get(listenerKey(protocol, port)) ?? 0;
  }

  /** No connection to anywhere is remembered on a port of the block. */
  isIdle(address: string, block: number): boolean {
    return !this.others.has(address, block) && this.all.every(({ steering }) => !steering.isBusy(address, block));
  }

  /** Blocks with a connection on them. */
  busyBlocks(): { readonly address: string; readonly block: number }[] {
    const seen = new Map<string, { readonly address: string; readonly block: number }>();
    for (const ports of [this.others, ...this.all.map(({ steering }) => steering.ports)]) {
      for (const busy of ports.busyBlocks()) seen.set(`${busy.address} ${busy.block}`, busy);
    }
    return [...seen.values()];
  }
}

const keyOf = (server: number, port: number, isUdp: boolean): number => (server * 65_536 + port) * 2 + (isUdp ? 1 : 0);
const listenerKey = (protocol: Protocol, port: number): number => port * 2 + (protocol === 'udp' ? 1 : 0);
