import type { NatEvent } from '../control/nat-messages.ts';
import type { ConntrackCounts } from '../netlink/netfilter-state.ts';

/** Of the table, what is worth a warning, and when it is over. */
const FULL = 0.9;
const ROOMY = 0.8;

/** Says once when the connection tracking table gets full, before the kernel drops what does not fit. */
export class TableRoom {
  private readonly send: (event: NatEvent) => void;
  private isTold = false;

  constructor(send: (event: NatEvent) => void) {
    this.send = send;
  }

  look({ entries, most }: Pick<ConntrackCounts, 'entries' | 'most'>): void {
    if (most === 0) return;
    if (entries < most * ROOMY) this.isTold = false;
    if (this.isTold || entries < most * FULL) return;
    this.isTold = true;
    this.send({
      type: 'notice',
      message: `the connection tracking table holds ${entries} of ${most} entries; raise net.netfilter.nf_conntrack_max, or new connections will be dropped`,
    });
  }
}
