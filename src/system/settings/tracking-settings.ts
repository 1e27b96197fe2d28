import { count, powerOfTwo } from '../format.ts';
import { MARGIN, trackedFor } from '../needs.ts';
import type { Context, Setting } from '../setting.ts';
import { atLeast, atMost, sysctl } from '../sysctl-setting.ts';

/** Connections of others that are followed, too. */
const OTHERS = 16_384;

/** A table that is loaded but follows nothing is no limit. */
const isFollowing = ({ facts, demand }: Context): boolean =>
  demand.engines.has('kernel') || (facts.conntrack?.count ?? 0) > 0;

function mostTracked({ demand }: Context): number {
  return powerOfTwo(trackedFor(demand) * MARGIN + OTHERS);
}

export const trackingSettings: readonly Setting[] = [
  sysctl({
    key: 'net.netfilter.nf_conntrack_max',
    title: 'connections followed',
    why: 'a firewall or NAT follows every connection; the table has this many entries',
    ifLeft: 'new connections are dropped without a word to anybody («nf_conntrack: table full»)',
    risk: 'about 400 bytes of kernel memory for each entry in use',
    want: (context) => {
      if (!isFollowing(context)) return undefined;
      const own = trackedFor(context.demand);
      const formula = `${count(own)} entries × ${MARGIN} + ${count(OTHERS)} of others, as a power of two`;
      return atLeast(mostTracked(context), formula, own);
    },
  }),
  sysctl({
    key: 'net.netfilter.nf_conntrack_buckets',
    title: 'table of followed ones',
    why: 'entries are found through these lists; long lists cost CPU in every packet',
    ifLeft: 'CPU goes into searching at high numbers of connections',
    risk: '8 bytes of memory each, and a moment while the table is rebuilt',
    want: (context) =>
      isFollowing(context)
        ? atLeast(mostTracked(context) / 4, `nf_conntrack_max (${count(mostTracked(context))}) ÷ 4`)
        : undefined,
  }),
  sysctl({
    key: 'net.netfilter.nf_conntrack_tcp_timeout_established',
    title: 'silence before forgetting',
    why: 'a connection that ended unseen stays in the table for this many seconds',
    ifLeft: 'entries of vanished clients fill the table for five days',
    risk: 'a connection that says nothing for a day is cut where NAT forwards it',
    want: (context) => (isFollowing(context) ? atMost(86_400, 'a day') : undefined),
  }),
  sysctl({
    key: 'net.netfilter.nf_conntrack_tcp_timeout_time_wait',
    title: 'rest of followed ones',
    why: 'a connection that was closed stays in the table for this many seconds',
    ifLeft: 'entries of closed connections take twice the room that they need',
    risk: 'none: the sockets themselves rest for 60 s',
    want: (context) => (isFollowing(context) ? atMost(60, 'the kernel’s TIME_WAIT, 60 s') : undefined),
  }),
];
