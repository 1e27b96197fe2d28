import type { Clock } from '../clock.ts';
import type { IpHost } from '../netlink/ip-host.ts';
import { NetlinkError } from '../netlink/netlink-socket.ts';

/** The kernel sends a request at once and the next after a second (retrans_time_ms): room for two where few addresses are asked for. */
const FEW = 128;
const FEW_WAIT_MS = 1200;
const MANY_WAIT_MS = 600;
/** The kernel keeps 1,024 neighbours at most unless told otherwise (gc_thresh3 in arp(7)); others are in there, too. */
const MOST_AT_ONCE = 500;

/**
 * Which of the addresses somebody on the link answers for, with the link address of who does. No raw packets: the kernel is told that
 * each address is about to be used, asks the link by itself (ARP; neighbour discovery for IPv6), and its neighbour table says who
 * answered. Entries that this made are taken out again; they and the answers of hosts that are gone would mislead.
 */
export async function probeConflicts(
  { host, clock }: { readonly host: IpHost; readonly clock: Clock },
  index: number,
  addresses: readonly string[],
): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (let from = 0; from < addresses.length; from += MOST_AT_ONCE) {
    const batch = addresses.slice(from, from + MOST_AT_ONCE);
    const waitMs = addresses.length <= FEW ? FEW_WAIT_MS : MANY_WAIT_MS;
    for (const [address, linkAddress] of await probeBatch(host, clock, index, batch, waitMs)) {
      found.set(address, linkAddress);
    }
  }
  return found;
}

async function probeBatch(
  host: IpHost,
  clock: Clock,
  index: number,
  addresses: readonly string[],
  waitMs: number,
): Promise<Map<string, string>> {
  const asked = new Set(addresses);
  const fixed = (await host.neighbours()).filter((entry) => entry.index === index && entry.isPermanent);
  const open = addresses.filter((address) => !fixed.some((entry) => entry.address === address));
  await Promise.all(open.map((address) => host.forget(index, address)));
  await Promise.all(open.map((address) => ask(host, index, address)));
  await new Promise<void>((resolve) => clock.after(waitMs, resolve));
  const found = new Map<string, string>();
  for (const { index: at, address, linkAddress } of await host.neighbours()) {
    if (at === index && asked.has(address) && linkAddress !== undefined) found.set(address, linkAddress);
  }
  await Promise.all(open.map((address) => host.forget(index, address)));
  return found;
}

/** A full neighbour table is no reason not to claim: the address is then taken without having been asked for. */
async function ask(host: IpHost, index: number, address: string): Promise<void> {
  try {
    await host.askFor(index, address);
  } catch (error) {
    if (!(error instanceof NetlinkError && (error.errno === 'ENOBUFS' || error.errno === 'ENETDOWN'))) throw error;
  }
}
