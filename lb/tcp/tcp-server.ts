import type { Member } from '../balance/server-pool.ts';
import type { OutlierTrack } from '../health/outlier-detector.ts';
import type { LeasePool } from '../source/lease-pool.ts';
import { ServerPorts } from '../source/server-ports.ts';
import { TimeoutList } from '../timeout-list.ts';
import type { OutgoingTls } from '../tls/outgoing-tls.ts';

export interface TcpServerOptions {
  readonly id: string;
  readonly host: string;
  readonly port: number;
  readonly weight: number;
  /** Connections to it at most. */
  readonly connections: number;
  readonly connectTimeoutMs: number;
  /** Undefined: it is spoken to in the clear. */
  readonly tls: OutgoingTls | undefined;
}

/** One server of a backend, as one plane sees it: the connections to it, and the ports that they have. */
export class TcpServer implements Member {
  readonly id: string;
  readonly host: string;
  readonly port: number;
  weight: number;
  fullWeight: number;
  track: OutlierTrack | undefined = undefined;
  /** Connections to it that are open or being opened. */
  active = 0;
  connectsTotal = 0;
  connectFailuresTotal = 0;
  readonly connectTimeouts: TimeoutList;
  readonly ports: ServerPorts;
  tls: OutgoingTls | undefined;
  private most: number;
  private readonly network: { readonly hasRoom: boolean };
  private readonly onRoom: () => void;

  /** `onRoom`: a connection has ended, so that another one may be opened. */
  constructor(
    deps: {
      readonly leases: LeasePool;
      readonly network: { readonly hasRoom: boolean };
      readonly onRoom: () => void;
    },
    options: TcpServerOptions,
  ) {
    this.network = deps.network;
    this.onRoom = deps.onRoom;
    this.id = options.id;
    this.host = options.host;
    this.port = options.port;
    this.weight = options.weight;
    this.fullWeight = options.weight;
    this.most = options.connections;
    this.tls = options.tls;
    this.ports = new ServerPorts(deps.leases, options);
    this.connectTimeouts = new TimeoutList(options.connectTimeoutMs);
  }

  /** From now on, and for what is under way. */
  configure(
    { connections, connectTimeoutMs, tls }: Pick<TcpServerOptions, 'connections' | 'connectTimeoutMs' | 'tls'>,
    nowMs: number,
  ): void {
    this.most = connections;
    this.tls = tls;
    this.connectTimeouts.setDuration(connectTimeoutMs, nowMs);
  }

  /** No connection to it may be opened, or none can be for want of descriptors. */
  get isFull(): boolean {
    return this.active >= this.most || !this.network.hasRoom;
  }

  /** A connection could be opened now, as far as this host is concerned. */
  get hasRoom(): boolean {
    return !this.isFull && this.ports.hasFree;
  }

  /** A connection is closed and its lease given back. */
  onClosed(): void {
    this.active--;
    this.onRoom();
  }
}
