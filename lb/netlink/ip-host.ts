import { NLM_F_CREATE, NLM_F_EXCL } from './message.ts';
import { NetlinkError, NetlinkSocket } from './netlink-socket.ts';
import {
  ANY,
  decodeAddress,
  decodeLink,
  decodeNeighbour,
  encodeAddress,
  encodeNeighbour,
  type InterfaceAddress,
  type Link,
  type Neighbour,
  RTM_DELADDR,
  RTM_DELNEIGH,
  RTM_GETADDR,
  RTM_GETLINK,
  RTM_GETNEIGH,
  RTM_NEWADDR,
  RTM_NEWNEIGH,
} from './rtnetlink.ts';

const NETLINK_ROUTE = 0;

/** The links, addresses and neighbours of this network namespace, through rtnetlink. Methods reject with NetlinkError. */
export class IpHost {
  /** Throws NetlinkUnavailableError. */
  private readonly requests = new NetlinkSocket(NETLINK_ROUTE);

  async links(): Promise<Link[]> {
    return (await this.requests.dump(RTM_GETLINK, ANY)).map(decodeLink);
  }

  async addresses(): Promise<InterfaceAddress[]> {
    const payloads = await this.requests.dump(RTM_GETADDR, ANY.subarray(0, 8));
    return payloads.map(decodeAddress).filter((address) => address !== undefined);
  }

  async neighbours(): Promise<Neighbour[]> {
    const payloads = await this.requests.dump(RTM_GETNEIGH, ANY.subarray(0, 12));
    return payloads.map(decodeNeighbour).filter((neighbour) => neighbour !== undefined);
  }

  /** Rejects with EEXIST where it is there already. */
  async addAddress(index: number, address: string, tag: number): Promise<void> {
    await this.requests.request(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, encodeAddress(index, address, tag));
  }

  /** Nothing happens where it is not there any more. */
  async removeAddress(index: number, address: string): Promise<void> {
    await this.forgiving(['EADDRNOTAVAIL', 'ENODEV'], RTM_DELADDR, 0, encodeAddress(index, address, 0));
  }

  /** Has the kernel ask the link who has the address. Forgotten again by `forget`. */
  async askFor(index: number, address: string): Promise<void> {
    await this.requests.request(RTM_NEWNEIGH, NLM_F_CREATE, encodeNeighbour(index, address, { isUsed: true }));
  }

  async forget(index: number, address: string): Promise<void> {
    await this.forgiving(['ENOENT', 'ENODEV'], RTM_DELNEIGH, 0, encodeNeighbour(index, address, { isUsed: false }));
  }

  private async forgiving(errnos: readonly string[], type: number, flags: number, payload: Buffer): Promise<void> {
    try {
      await this.requests.request(type, flags, payload);
    } catch (error) {
      if (!(error instanceof NetlinkError && errnos.includes(error.errno))) throw error;
    }
  }

  /** Idempotent. */
  close(): void {
    this.requests.close();
  }
}
