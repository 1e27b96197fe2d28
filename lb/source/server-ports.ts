import type { LocalAddress } from '../net/tcp-stream.ts';
import type { Destination, LeaseEnd, LeasePool } from './lease-pool.ts';

/** The source ports of a pool towards one server, for whoever connects to it. A lease goes back once: by `setAside`, `loseSource` or `release`. */
export class ServerPorts {
  private readonly leases: LeasePool;
  private readonly destination: Destination;

  constructor(leases: LeasePool, server: { readonly host: string; readonly port: number }) {
    this.leases = leases;
    this.destination = leases.destination(server.host, server.port);
  }

  /** A lease would find a port now. */
  get hasFree(): boolean {
    return this.leases.hasFree(this.destination);
  }

  /** -1 if no port is free. */
  lease(): number {
    return this.leases.lease(this.destination);
  }

  addressOf(lease: number): string {
    return this.leases.addressOf(lease);
  }

  local(lease: number): LocalAddress {
    return { address: this.leases.addressOf(lease), port: this.leases.portOf(lease) };
  }

  /** Something else on this host holds that port. */
  setAside(lease: number): void {
    this.leases.setAside(this.destination, lease);
  }

  /** The address itself is not on this host any more. */
  loseSource(lease: number): void {
    const address = this.leases.addressOf(lease);
    this.leases.release(this.destination, lease, 'unused');
    this.leases.loseSource(address);
  }

  release(lease: number, end: LeaseEnd): void {
    this.leases.release(this.destination, lease, end);
  }
}
