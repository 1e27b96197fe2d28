import type { Clock } from '../clock.ts';
import type { IpHost } from '../netlink/ip-host.ts';
import { NetlinkError } from '../netlink/netlink-socket.ts';
import type { InterfaceAddress, Link } from '../netlink/rtnetlink.ts';
import type { AddressState } from './address-state.ts';
import { ClaimError, noPrivilege } from './claim-error.ts';
import { probeConflicts } from './conflict-probe.ts';

/** IFA_PROTO of the addresses that we add: 'P'. The kernel's own numbers are 1 to 3, those of routing daemons lie higher (rtnetlink.h). */
export const OUR_TAG = 0x50;
/** The kernel puts duplicate address detection off by up to a second, and gives it another (RFC 4862 §5.4). */
const DETECTION_MS = 5000;
const DETECTION_POLL_MS = 50;

export interface ClaimResult {
  readonly state: AddressState;
  /** It was not there before. */
  readonly isAdded: boolean;
}

const ADDED: ClaimResult = { state: { kind: 'ready' }, isAdded: true };
const ADOPTED: ClaimResult = { state: { kind: 'ready' }, isAdded: false };
const refused = (reason: string): ClaimResult => ({ state: { kind: 'refused', reason }, isAdded: false });

/** Adds addresses to one interface, after having asked whether somebody has them. */
export class AddressClaimer {
  private readonly host: IpHost;
  private readonly clock: Clock;

  constructor(deps: { readonly host: IpHost; readonly clock: Clock }) {
    this.host = deps.host;
    this.clock = deps.clock;
  }

  /**
   * What became of each. Those with our tag are adopted as they are. Throws ClaimError where none can be claimed by this process or this
   * kernel; what had been added is removed then.
   */
  async claim(link: Link, addresses: readonly string[]): Promise<Map<string, ClaimResult>> {
    try {
      return await this.claimAll(link, addresses);
    } catch (error) {
      throw error instanceof NetlinkError && isForbidden(error) ? noPrivilege(error) : error;
    }
  }

  private async claimAll(link: Link, addresses: readonly string[]): Promise<Map<string, ClaimResult>> {
    const results = new Map<string, ClaimResult>();
    const present = new Map((await this.host.addresses()).map((entry) => [entry.address, entry]));
    const names = new Map((await this.host.links()).map(({ index, name }) => [index, name]));
    const missing = addresses.filter((address) => !present.has(address));
    for (const address of addresses) {
      const entry = present.get(address);
      if (entry === undefined) continue;
      const isOurs = entry.tag === OUR_TAG && entry.index === link.index;
      results.set(address, isOurs ? ADOPTED : refused(isHere(entry, names.get(entry.index) ?? '?')));
    }
    // IPv6 has a probe of its own, which the kernel makes for every address that it is given.
    const unproved = link.hasNeighbours ? missing.filter((address) => !address.includes(':')) : [];
    const holders = await this.probe(link, unproved);
    const added: string[] = [];
    await Promise.all(
      missing.map(async (address) => {
        const holder = holders.get(address);
        if (holder !== undefined) {
          results.set(address, refused(isThere(holder, link)));
          return;
        }
        const error = await this.add(link, address);
        if (error === undefined) added.push(address);
        else results.set(address, error);
      }),
    ).catch((error) => this.undo(link, added, error));
    await this.confirm(link, added, results);
    return results;
  }

  private async add(link: Link, address: string): Promise<ClaimResult | undefined> {
    try {
      await this.host.addAddress(link.index, address, OUR_TAG);
      return undefined;
    } catch (error) {
      if (!(error instanceof NetlinkError) || isForbidden(error)) throw error;
      return refused(`the kernel does not add it to ${link.name} (${error.errno})`);
    }
  }

  private probe(link: Link, addresses: readonly string[]): Promise<Map<string, string>> {
    return probeConflicts({ host: this.host, clock: this.clock }, link.index, addresses);
  }

  /** Detection does not say who it was; asking does, once the address is not ours any more. */
  private async refuseDuplicates(
    link: Link,
    addresses: readonly string[],
    results: Map<string, ClaimResult>,
  ): Promise<void> {
    await Promise.all(addresses.map((address) => this.host.removeAddress(link.index, address)));
    const holders = await this.probe(link, addresses);
    for (const address of addresses) results.set(address, refused(isThere(holders.get(address) ?? 'somebody', link)));
  }

  private async undo(link: Link, added: readonly string[], error: unknown): Promise<never> {
    await Promise.all(added.map((address) => this.host.removeAddress(link.index, address)));
    throw error;
  }

  /** Waits until duplicate address detection has come to an end, where it runs, and looks whether the tags have stuck. */
  private async confirm(link: Link, added: readonly string[], results: Map<string, ClaimResult>): Promise<void> {
    const open = new Set(added);
    const duplicates: string[] = [];
    const endMs = this.clock.now() + DETECTION_MS;
    while (open.size > 0) {
      for (const entry of await this.host.addresses()) {
        if (entry.index !== link.index || !open.has(entry.address)) continue;
        if (entry.tag !== OUR_TAG) {
          await this.undo(
            link,
            added,
            new ClaimError(
              'this kernel does not mark addresses with who added them; claiming needs Linux 5.18 or newer.',
            ),
          );
        }
        if (entry.isDuplicate) {
          open.delete(entry.address);
          duplicates.push(entry.address);
        } else if (!entry.isTentative) {
          results.set(entry.address, ADDED);
          open.delete(entry.address);
        }
      }
      if (open.size === 0 || this.clock.now() >= endMs) break;
      await new Promise<void>((resolve) => this.clock.after(DETECTION_POLL_MS, resolve));
    }
    await this.refuseDuplicates(link, duplicates, results);
    for (const address of open) {
      await this.host.removeAddress(link.index, address);
      results.set(address, refused(`it did not become usable on ${link.name} in time`));
    }
  }
}

function isForbidden({ errno }: NetlinkError): boolean {
  return errno === 'EPERM' || errno === 'EACCES';
}

function isThere(holder: string, link: Link): string {
  return `${holder} on ${link.name} answers for it; take it from there or choose another`;
}

function isHere({ address }: InterfaceAddress, name: string): string {
  return `it is on ${name} already and was not added by Portico; remove it there ("ip address del ${address} dev ${name}") or set claim to false`;
}
