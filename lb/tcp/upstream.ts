import type { ByteStream, StreamOwner } from '../net/byte-stream.ts';
import type { TcpNetwork, TcpStream } from '../net/tcp-stream.ts';
import { type ConnectFailure, type Dialler, dial } from '../source/dial.ts';
import type { LeaseEnd } from '../source/lease-pool.ts';
import type { TcpServer } from './tcp-server.ts';

type Done = (stream: ByteStream | undefined, failure: ConnectFailure | undefined) => void;

/** One connection to a server, bound to a leased source address and port, from the first SYN until the lease is given back. */
export class Upstream implements Dialler {
  readonly server: TcpServer;
  private readonly preface: Buffer | undefined;
  lease = -1;
  /** The server counts it. */
  private isCounted = false;
  private stream: ByteStream | undefined = undefined;
  giveUp: (() => void) | undefined = undefined;
  private done: Done = () => {};

  /** `preface`: what goes before everything else, in the clear. */
  constructor(server: TcpServer, preface: Buffer | undefined) {
    this.server = server;
    this.preface = preface;
  }

  /**
   * Starts connecting; `done` gets the stream, which belongs to `owner` then, or the failure, after which this is of no use. Returns false
   * if no source port is free, and `done` is not called.
   */
  open(network: TcpNetwork, owner: StreamOwner, done: Done): boolean {
    const { server } = this;
    this.lease = server.ports.lease();
    if (this.lease < 0) return false;
    server.active++;
    this.isCounted = true;
    this.done = done;
    dial(this, { target: server, tls: server.tls, network }, owner);
    return true;
  }

  onDialled(stream: TcpStream): void {
    this.stream = stream;
    if (this.preface !== undefined) stream.write(this.preface);
  }

  onConnected(stream: ByteStream): void {
    this.giveUp = undefined;
    this.stream = stream;
    this.server.track?.success();
    this.done(stream, undefined);
  }

  onDialFailed(failure: ConnectFailure, end: LeaseEnd): void {
    this.giveUp = undefined;
    if (failure.kind === 'connect') this.blame();
    this.close(end);
    this.done(undefined, failure);
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
