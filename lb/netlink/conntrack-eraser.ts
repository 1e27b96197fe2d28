import type { RawNetlinkSocket } from 'netlink';
import type { ConntrackBatch } from './conntrack-batch.ts';
import { loadNetlink } from './load-netlink.ts';
import { NLM_F_REQUEST } from './message.ts';

const NETLINK_NETFILTER = 12;
/** NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE (linux/netfilter/nfnetlink_conntrack.h). */
const CONNTRACK_DELETE = 0x0102;
const CTA_ID = 12;
/** struct nlmsghdr, struct nfgenmsg. */
const HEADER_BYTES = 16;
const GENERAL_BYTES = 4;
const ID_BYTES = 8;
/** One tuple of IPv6 takes 76 bytes. */
const MOST_BYTES = HEADER_BYTES + GENERAL_BYTES + 96 + ID_BYTES;
/** Requests in one message to the kernel. */
const AT_ONCE = 256;
/** The kernel answers refused requests alone: entries that are gone already. Nobody waits for that. */
const RECEIVE_BYTES = 4096;

export interface ConntrackEraser {
  /** Notes the entry `i` of the batch down; `family`: AF_INET or AF_INET6. */
  add(batch: ConntrackBatch, i: number, family: 2 | 10): void;
  /**
   * Resolves when the kernel has forgotten those that were noted down, now or before. To be called soon: a connection that reopens one of them
   * (RFC 6191) is the same entry under the same number where the kernel gives it the memory that it has just freed.
   */
  flush(): Promise<void>;
  /** Idempotent. */
  close(): void;
}

/** Throws NetlinkUnavailableError. */
export function openConntrackEraser(): ConntrackEraser {
  const { RawNetlinkSocket: Raw } = loadNetlink();
  return new NetlinkConntrackEraser(
    new Raw(NETLINK_NETFILTER, {
      messagePeeking: false,
      msgBufferSize: RECEIVE_BYTES,
      recvBufferSize: RECEIVE_BYTES,
      sendBufferSize: 4 * AT_ONCE * MOST_BYTES,
    }),
  );
}

/** Has the kernel forget connections: by their tuple and their number, so that a new one in an old one's place is hardly ever meant. */
class NetlinkConntrackEraser implements ConntrackEraser {
  private readonly socket: RawNetlinkSocket;
  private readonly full: Buffer[] = [];
  private buffer = Buffer.alloc(AT_ONCE * MOST_BYTES);
  private length = 0;
  private isClosed = false;
  private sending: Promise<void> = Promise.resolve();

  constructor(socket: RawNetlinkSocket) {
    this.socket = socket;
    // What was refused is met at the next reading; lost answers are of no interest.
    socket.on('error', () => {});
    socket.on('truncatedMessage', () => {});
  }

  add({ bytes, tupleAt, id }: ConntrackBatch, i: number, family: 2 | 10): void {
    const from = tupleAt[i]!;
    const tupleBytes = ((bytes[from]! | (bytes[from + 1]! << 8)) + 3) & ~3;
    const total = HEADER_BYTES + GENERAL_BYTES + tupleBytes + ID_BYTES;
    if (total > MOST_BYTES) return;
    if (this.length + total > this.buffer.length) {
      this.full.push(this.buffer.subarray(0, this.length));
      this.buffer = Buffer.alloc(AT_ONCE * MOST_BYTES);
      this.length = 0;
    }
    const { buffer, length: at } = this;
    buffer.writeUInt32LE(total, at);
    buffer.writeUInt16LE(CONNTRACK_DELETE, at + 4);
    buffer.writeUInt16LE(NLM_F_REQUEST, at + 6);
    buffer.writeUInt8(family, at + HEADER_BYTES);
    buffer.set(bytes.subarray(from, from + tupleBytes), at + HEADER_BYTES + GENERAL_BYTES);
    const idAt = at + total - ID_BYTES;
    buffer.writeUInt16LE(ID_BYTES, idAt);
    buffer.writeUInt16LE(CTA_ID, idAt + 2);
    buffer.writeUInt32BE(id[i]!, idAt + 4);
    this.length += total;
  }

  flush(): Promise<void> {
    const parts = [
      ...this.full.splice(0),
      ...(this.length > 0 ? [Buffer.from(this.buffer.subarray(0, this.length))] : []),
    ];
    if (parts.length === 0) return this.sending;
    this.length = 0;
    this.sending = this.sending.then(() => this.send(parts));
    return this.sending;
  }

  private async send(parts: readonly Buffer[]): Promise<void> {
    for (const part of parts) {
      if (this.isClosed) return;
      // A request that could not be sent leaves its entries to the next reading.
      await new Promise<void>((resolve) => this.socket.send(part, undefined, () => resolve()));
    }
  }

  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.socket.close();
  }
}
