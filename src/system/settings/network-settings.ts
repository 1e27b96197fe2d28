import { count, powerOfTwo } from '../format.ts';
import type { Context, Setting } from '../setting.ts';
import { atLeast, oneOf, sysctl } from '../sysctl-setting.ts';

/** The kernel's own third threshold; a small machine is fine with it. */
const STOCK_NEIGHBOURS = 1024;
const ROUTERS_AND_OTHERS = 64;

/** Neighbours are asked for once for each of our addresses that is claimed, and for each server on the link. */
function neighbours({ demand }: Context): number {
  const needed = 4 * (demand.sources + demand.destinations + ROUTERS_AND_OTHERS);
  return Math.max(STOCK_NEIGHBOURS, powerOfTwo(needed));
}

const threshold = (key: string, title: string, part: number): Setting =>
  sysctl({
    key,
    title,
    why: 'the table of neighbours on the link: below the first nothing is removed, above the third nothing is added',
    ifLeft: 'packets to new neighbours are dropped («neighbour table overflow»)',
    risk: 'about 500 bytes of kernel memory for each neighbour',
    want: (context) => {
      const { sources, destinations } = context.demand;
      const all = neighbours(context);
      const formula = `4 × (${sources} sources + ${destinations} servers + ${ROUTERS_AND_OTHERS}), a power of two${part === 1 ? '' : `, ÷ ${part}`}`;
      return atLeast(all / part, `${formula}: ${count(all / part)}`);
    },
  });

/** On an interface with neighbours, addresses that were claimed must be answered for by that interface alone. */
const onClaims =
  (value: string, formula: string) =>
  ({ demand }: Context) =>
    demand.claims ? oneOf([value], formula) : undefined;

export const networkSettings: readonly Setting[] = [
  threshold('net.ipv4.neigh.default.gc_thresh3', 'neighbours, most', 1),
  threshold('net.ipv4.neigh.default.gc_thresh2', 'neighbours, many', 2),
  threshold('net.ipv4.neigh.default.gc_thresh1', 'neighbours, few', 8),
  threshold('net.ipv6.neigh.default.gc_thresh3', 'IPv6 neighbours, most', 1),
  threshold('net.ipv6.neigh.default.gc_thresh2', 'IPv6 neighbours, many', 2),
  threshold('net.ipv6.neigh.default.gc_thresh1', 'IPv6 neighbours, few', 8),
  sysctl({
    key: 'net.ipv4.conf.all.arp_ignore',
    title: 'who answers ARP',
    why: 'with 1 an interface answers only for its own addresses, so a claimed address has one place on the link',
    ifLeft: 'with two interfaces on one link, traffic of a claimed address may come in on the wrong one',
    risk: 'machines that reach this one through another interface’s address lose it',
    want: onClaims('1', 'addresses are claimed on a link'),
  }),
  sysctl({
    key: 'net.ipv4.conf.all.arp_announce',
    title: 'who asks by ARP',
    why: 'with 2 an interface asks in the name of its best own address, never a claimed one of another',
    ifLeft: 'neighbours learn a claimed address at the wrong interface',
    risk: 'none known',
    want: onClaims('2', 'addresses are claimed on a link'),
  }),
  sysctl({
    key: 'net.ipv4.conf.all.rp_filter',
    title: 'check of the way back',
    why: 'with 1 packets are dropped that come in where the answer would not go out, as with sources on several interfaces',
    ifLeft: 'answers of servers vanish without a word',
    risk: 'packets with a false sender on another interface’s network are let in, where any interface would do',
    want: ({ demand }) =>
      demand.claims || demand.engines.has('kernel') ? oneOf(['2', '0'], 'loose or off') : undefined,
  }),
  sysctl({
    key: 'net.ipv4.ip_forward',
    title: 'forwarding',
    why: 'the kernel engine has the kernel forward packets between clients and servers',
    ifLeft: 'listeners of the kernel engine do not work at all',
    risk: 'this machine forwards whatever its firewall lets through',
    want: ({ demand }) =>
      demand.engines.has('kernel') ? oneOf(['1'], 'a listener uses the kernel engine', 'fail') : undefined,
  }),
  sysctl({
    key: 'net.ipv6.conf.all.forwarding',
    title: 'forwarding of IPv6',
    why: 'the kernel engine has the kernel forward packets between clients and servers',
    ifLeft: 'listeners of the kernel engine on IPv6 addresses do not work at all',
    risk: 'as a router the machine takes no routes from others any more, unless accept_ra is 2',
    want: ({ demand }) =>
      demand.forwardsSix ? oneOf(['1'], 'a listener on IPv6 uses the kernel engine', 'fail') : undefined,
  }),
  sysctl({
    key: 'net.ipv4.ip_nonlocal_bind',
    title: 'addresses not here',
    why: 'HAProxy binds its sources by itself, also while Portico claims one again',
    ifLeft: 'HAProxy refuses to connect while an address is being claimed',
    risk: 'a wrong address in a config shows at the first connection instead of at the start',
    want: ({ demand }) =>
      demand.engines.has('haproxy') && demand.claims
        ? oneOf(['1'], 'HAProxy connects from claimed addresses')
        : undefined,
  }),
];
