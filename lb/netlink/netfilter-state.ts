import { decodeAttributes } from './message.ts';
import { NetlinkSocket } from './netlink-socket.ts';

const NETLINK_NETFILTER = 12;
// NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET_STATS_CPU, … | IPCTNL_MSG_CT_GET_STATS (linux/netfilter/nfnetlink_conntrack.h).
const STATS_OF_CPUS = 0x0104;
const STATS = 0x0105;
const CTA_STATS_INSERT_FAILED = 9;
const CTA_STATS_DROP = 10;
const CTA_STATS_GLOBAL_ENTRIES = 1;
const CTA_STATS_GLOBAL_MAX_ENTRIES = 2;
/** NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETGEN (linux/netfilter/nf_tables.h). */
const GENERATION = 0x0a10;
const NFTA_GEN_ID = 1;
/** struct nfgenmsg. */
const GENERAL_BYTES = 4;
const EVERY_FAMILY = Buffer.alloc(GENERAL_BYTES);

export interface ConntrackCounts {
  /** Connections whose translation was taken already when they were entered: their packet was dropped. Grows only. */
  readonly insertFailed: number;
  /** Packets dropped because the table was full, or the above. Grows only. */
  readonly dropped: number;
  readonly entries: number;
  readonly most: number;
}

/** Small questions to netfilter. All reject with NetlinkError. */
export class NetfilterState {
  private readonly socket = new NetlinkSocket(NETLINK_NETFILTER);

  async conntrackCounts(): Promise<ConntrackCounts> {
    const cpus = await this.socket.dump(STATS_OF_CPUS, EVERY_FAMILY);
    const [whole] = await this.socket.request(STATS, 0, EVERY_FAMILY);
    const sum = (type: number): number => cpus.reduce((all, cpu) => all + numberOf(cpu, type), 0);
    return {
      insertFailed: sum(CTA_STATS_INSERT_FAILED),
      dropped: sum(CTA_STATS_DROP),
      entries: whole === undefined ? 0 : numberOf(whole, CTA_STATS_GLOBAL_ENTRIES),
      most: whole === undefined ? 0 : numberOf(whole, CTA_STATS_GLOBAL_MAX_ENTRIES),
    };
  }

  /** Changes whenever anybody in this namespace changes a table of nftables. */
  async rulesGeneration(): Promise<number> {
    const [payload] = await this.socket.request(GENERATION, 0, EVERY_FAMILY);
    return payload === undefined ? 0 : numberOf(payload, NFTA_GEN_ID);
  }

  /** Idempotent. */
  close(): void {
    this.socket.close();
  }
}

/** Netfilter's numbers are in network order. 0 for one that is not there. */
function numberOf(payload: Buffer, type: number): number {
  const value = decodeAttributes(payload, GENERAL_BYTES).get(type);
  return value !== undefined && value.length === 4 ? value.readUInt32BE(0) : 0;
}
