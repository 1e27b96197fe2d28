import { type ConntrackBatch, createConntrackBatch } from './conntrack-batch.ts';
import { CTA_STATUS, decodeConntrack, entriesIn, IPS_SRC_NAT } from './conntrack-decoder.ts';
import { loadNetlink } from './load-netlink.ts';
import { encodeAttribute, encodeBig32, encodeMessage, NLM_F_DUMP, NLM_F_REQUEST } from './message.ts';
import { type DumpSocket, NetlinkDump } from './netlink-dump.ts';
import { SocketAddressTable } from './socket-address.ts';

const NETLINK_NETFILTER = 12;
/** NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET. */
const CONNTRACK_GET = 0x0101;
/** struct nfgenmsg: every family, NFNETLINK_V0, no resource. */
const EVERY_FAMILY = Buffer.alloc(4);
/** linux/netfilter/nfnetlink_conntrack.h. */
const CTA_STATUS_MASK = 26;
/**
 * From 5.17 on the kernel leaves out what does not match (ctnetlink_filter_match); before, it tells of all. Where 3,000 connections are of
 * others, a reading without it takes 30 datagrams.
 */
const TRANSLATED = Buffer.concat([
  EVERY_FAMILY,
  ...[CTA_STATUS, CTA_STATUS_MASK].map((type) => encodeAttribute(type, encodeBig32(IPS_SRC_NAT))),
]);
/** As for sockets (socket-dump.ts): larger datagrams are a little faster and hold the event loop up for longer. */
const DATAGRAM_BYTES = 16 * 1024;
const RECEIVE_BYTES = 1024 * 1024;

/** A dump ended early; `code` is an errno name, `CLOSED`, or `BAD_MESSAGE` for bytes that are no netlink message. */
export class ConntrackDumpError extends Error {
  readonly code: string;
  readonly source = 'local';
  readonly retryable: boolean;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.retryable = code === 'EBUSY' || code === 'EAGAIN' || code === 'EINTR' || code === 'ENOMEM';
  }
}

export interface ConntrackDumpOptions {
  readonly sources: readonly string[];
  readonly servers: readonly string[];
}

export interface ConntrackDump {
  /**
   * Calls `onBatch` for some translated connections at a time; resolves with whether the table was read whole (false: messages were lost).
   * Dumps run one after the other. Rejects with ConntrackDumpError; what `onBatch` throws rejects too, once all has been read.
   */
  dump(options: ConntrackDumpOptions, onBatch: (batch: ConntrackBatch) => void): Promise<boolean>;
  /** Idempotent. Rejects what runs. */
  close(): void;
}

/** Throws NetlinkUnavailableError. */
export function openConntrackDump(): ConntrackDump {
  const { RawNetlinkSocket: Raw } = loadNetlink();
  return new NetlinkConntrackDump(
    new Raw(NETLINK_NETFILTER, {
      messagePeeking: false,
      msgBufferSize: DATAGRAM_BYTES,
      recvBufferSize: RECEIVE_BYTES,
      sendBufferSize: 64 * 1024,
    }),
  );
}

/** Reads the kernel's table of connections: those whose source was changed, of which nothing but those of Portico is looked at. */
export class NetlinkConntrackDump implements ConntrackDump {
  private readonly dumps: NetlinkDump;
  private readonly batch = createConntrackBatch(entriesIn(DATAGRAM_BYTES));

  constructor(socket: DumpSocket) {
    this.dumps = new NetlinkDump({
      socket,
      errorOf: (code, message, options) => new ConntrackDumpError(code, message, options),
    });
  }

  dump(options: ConntrackDumpOptions, onBatch: (batch: ConntrackBatch) => void): Promise<boolean> {
    const { batch } = this;
    const [sources, servers] = [new SocketAddressTable(options.sources), new SocketAddressTable(options.servers)];
    return this.dumps.run({
      encode: (sequence) => encodeMessage(CONNTRACK_GET, NLM_F_REQUEST | NLM_F_DUMP, sequence, TRANSLATED),
      decode: (bytes, sequence) => decodeConntrack(bytes, { sequence, sources, servers }, batch),
      onDecoded: () => {
        if (batch.count > 0) onBatch(batch);
      },
    });
  }

  close(): void {
    this.dumps.close();
  }
}
