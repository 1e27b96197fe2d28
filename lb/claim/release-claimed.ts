import { IpHost } from '../netlink/ip-host.ts';
import { OUR_TAG } from './address-claimer.ts';
import { ClaimError } from './claim-error.ts';
import { ClaimLock } from './claim-lock.ts';

/**
 * Takes every address that a Portico has added off these interfaces; returns those. Throws ClaimError where one runs that keeps them, and
 * NetlinkError.
 */
export async function releaseClaimed(interfaces: ReadonlySet<string>): Promise<readonly string[]> {
  const host = new IpHost();
  try {
    const [links, present] = [await host.links(), await host.addresses()];
    const released: string[] = [];
    for (const { index, name } of links.filter((link) => interfaces.has(link.name))) {
      const lock = new ClaimLock();
      const other = await lock.take(name);
      if (other !== undefined) {
        throw new ClaimError(`${other.holder} claims addresses on ${name}; stop it first, or name its config with -c.`);
      }
      try {
        for (const entry of present) {
          if (entry.index !== index || entry.tag !== OUR_TAG) continue;
          await host.removeAddress(index, entry.address);
          released.push(entry.address);
        }
      } finally {
        lock.release();
      }
    }
    return released;
  } finally {
    host.close();
  }
}
