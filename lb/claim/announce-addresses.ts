import dgram from 'node:dgram';
import { formatIpAddress, parseIpAddress } from '../../config/ip-address.ts';
import type { IpHost } from '../netlink/ip-host.ts';
import type { Link } from '../netlink/rtnetlink.ts';

const DISCARD_PORT = 9; // RFC 863
const AT_ONCE = 32;

/**
 * Tells the IPv4 neighbours on a link that we have these addresses now. A gratuitous ARP would need a raw socket, or `arp_notify` and a
 * change of the link. This takes the nearest thing: one datagram from each address to an unused address of the link's own subnet. The
 * kernel asks the whole link for that, in an ARP request whose sender is the claimed address, and every host that has an entry for it
 * takes the new link address over (RFC 826, «Packet Reception»). IPv6 needs none of it: whoever had the address lost it to detection.
 */
export async function announceAddresses(
  { host, onNotice }: { readonly host: IpHost; readonly onNotice: (message: string) => void },
  link: Link,
  addresses: readonly string[],
): Promise<void> {
  const four = addresses.filter((address) => !address.includes(':'));
  if (four.length === 0) return;
  const targets = await unusedTargets(host, link, Math.min(four.length, AT_ONCE));
  if (targets.length === 0) {
    onNotice(`neighbours on ${link.name} are not told of new addresses: the interface has no IPv4 subnet of its own`);
    return;
  }
  for (let from = 0; from < four.length; from += targets.length) {
    const batch = four.slice(from, from + targets.length);
    await Promise.all(batch.map((address, i) => sendFrom(address, targets[i]!)));
    await Promise.all(batch.map((_, i) => host.forget(link.index, targets[i]!)));
  }
}

/** Addresses of the link's own IPv4 subnet, from its end on, that no neighbour entry is there for. */
async function unusedTargets(host: IpHost, link: Link, count: number): Promise<string[]> {
  const addresses = await host.addresses();
  const subnet = addresses.find(
    ({ index, address, prefixLength }) => index === link.index && !address.includes(':') && prefixLength < 31,
  );
  if (subnet === undefined) return [];
  const taken = new Set([...addresses, ...(await host.neighbours())].map(({ address }) => address));
  const size = 1n << BigInt(32 - subnet.prefixLength);
  const { value } = parseIpAddress(subnet.address)!;
  const first = value - (value % size);
  const targets: string[] = [];
  for (let at = first + size - 2n; at > first && targets.length < count; at--) {
    const address = formatIpAddress({ value: at, bits: 32 });
    if (!taken.has(address)) targets.push(address);
  }
  return targets;
}

/** Resolves when it is sent, or could not be: an announcement that fails is no reason to do without the address. */
function sendFrom(address: string, target: string): Promise<void> {
  return new Promise((resolve) => {
    const socket = dgram.createSocket('udp4');
    const end = (): void => {
      socket.close();
      resolve();
    };
    socket.once('error', end);
    socket.bind({ address, port: 0, exclusive: true }, () => {
      socket.send(Buffer.from([0]), DISCARD_PORT, target, () => {
        socket.removeAllListeners('error');
        end();
      });
    });
  });
}
