import type { ByteStream, StreamOwner } from '../net/byte-stream.ts';
import { localShortage } from '../net/local-shortage.ts';
import type { TcpNetwork, TcpStream } from '../net/tcp-stream.ts';
import type { LeaseEnd } from '../source/lease-pool.ts';
import type { OutgoingTls } from '../tls/outgoing-tls.ts';
import type { TcpServer } from './tcp-server.ts';

/** Local addresses tried for one connection before the shortage is called one. */
const MAX_ADDRESS_TRIES = 32;

/** Why a connection to a server did not come about. */
export type ConnectFailure =
  /** `code` is an errno name or `TIMEOUT`. */
  | { readonly kind: 'connect'; readonly code: string }
  /** This host has no source port or no descriptor left for it. Says nothing about the server. */
  | { readonly kind: 'exhausted'; readonly what: 'port' | 'descriptor' };

/** One connection to a server, bound to a leased source address and port, from the first SYN until the lease is given back. */
export class Upstream {
  readonly server: TcpServer;
  private readonly preface: Buffer | undefined;
  private lease = -1;
  /** The server counts it. */
  private isCounted = false;
  private stream: ByteStream | undefined = undefined;
  private giveUp: (() => void) | undefined = undefined;

  /** `preface`: what goes before everything else, in the clear. */
  constructor(server: TcpServer, preface: Buffer | undefined) {
    this.server = server;
    this.preface = preface;
  }

  /**
   * Starts connecting; `done` gets the stream, which belongs to `owner` then, or the failure, after which this is of no use. Returns false
   * if no source port is free, and `done` is not called.
   */
  open(
    network: TcpNetwork,
    owner: StreamOwner,
    done: (stream: ByteStream | undefined, failure: ConnectFailure | undefined) => void,
  ): boolean {
    this.lease = this.server.ports.lease();
    if (this.lease < 0) return false;
    this.server.active++;
    this.isCounted = true;
    this.connect(network, owner, done, MAX_ADDRESS_TRIES);
    return true;
  }

  private connect(
    network: TcpNetwork,
    owner: StreamOwner,
    done: Parameters<Upstream['open']>[2],
    triesLeft: number,
  ): void {
    const { server } = this;
    const fail = (failure: ConnectFailure): void => {
      this.close('unused');
      done(undefined, failure);
    };
    server.connectsTotal++;
    this.giveUp = network.connect(
      server.ports.local(this.lease),
      server.host,
      server.port,
      owner,
      (stream, error, isAddressGone) => {
        this.giveUp = undefined;
        const shortage = stream === undefined ? localShortage(error) : undefined;
        if (stream !== undefined) {
          this.stream = stream;
          if (this.preface !== undefined) stream.write(this.preface);
          if (server.tls === undefined) this.succeed(stream, done);
          else this.secure(server.tls, stream, owner, done);
        } else if (shortage === 'port') {
          if (isAddressGone) server.ports.loseSource(this.lease);
          else server.ports.setAside(this.lease);
          this.lease = triesLeft > 0 ? server.ports.lease() : -1;
          if (this.lease >= 0) this.connect(network, owner, done, triesLeft - 1);
          else fail({ kind: 'exhausted', what: 'port' });
        } else if (shortage === 'descriptor') {
          fail({ kind: 'exhausted', what: 'descriptor' });
        } else {
          this.blame();
          fail({ kind: 'connect', code: error });
        }
      },
    );
  }

  /** The time limit of the connection goes on. */
  private secure(tls: OutgoingTls, tcp: TcpStream, owner: StreamOwner, done: Parameters<Upstream['open']>[2]): void {
    this.giveUp = tls.secure(tcp, owner, (stream) => {
      this.giveUp = undefined;
      if (stream !== undefined) {
        this.succeed(stream, done);
        return;
      }
      this.blame();
      this.close('closed');
      done(undefined, { kind: 'connect', code: 'TLS' });
    });
  }

  private succeed(stream: ByteStream, done: Parameters<Upstream['open']>[2]): void {
    this.stream = stream;
    this.server.track?.success();
    done(stream, undefined);
  }

  /** The server could not be connected to, or not in time. */
  blame(): void {
    this.server.connectFailuresTotal++;
    this.server.track?.failure();
  }

  /** Ends it in whatever state it is, and gives the lease back. Idempotent. */
  close(end: LeaseEnd): void {
    const { lease, server } = this;
    this.giveUp?.();
    this.giveUp = undefined;
    // The socket goes back to the kernel before this returns, so the port is free for one that waits.
    const isReset = end === 'reset' && this.stream?.reset() !== false;
    if (!isReset) this.stream?.close();
    this.stream = undefined;
    this.lease = -1;
    if (lease >= 0) server.ports.release(lease, end === 'reset' && !isReset ? 'closed' : end);
    if (!this.isCounted) return;
    this.isCounted = false;
    server.onClosed();
  }
}
