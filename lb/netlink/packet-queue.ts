import {
  decodeAttributes,
  encodeAttribute,
  encodeBig32,
  encodeMessage,
  NLM_F_ACK,
  NLM_F_CREATE,
  NLM_F_REQUEST,
} from './message.ts';
import { NetlinkSocket } from './netlink-socket.ts';

const NETLINK_NETFILTER = 12;
// linux/netfilter/nfnetlink_queue.h; NFNL_SUBSYS_QUEUE is 3.
const QUEUE_PACKET = 0x0300;
const QUEUE_VERDICT = 0x0301;
const QUEUE_CONFIG = 0x0302;
const NFQA_PACKET_HDR = 1;
const NFQA_VERDICT_HDR = 2;
const NFQA_MARK = 3;
const NFQA_CFG_CMD = 1;
const NFQA_CFG_PARAMS = 2;
const NFQA_CFG_MASK = 4;
const NFQA_CFG_FLAGS = 5;
const BIND = 1;
const COPY_META = 1;
/** Packets beyond what the queue holds go on as if there were no queue. */
const FAIL_OPEN = 1;
/** The hook that the packet waited at is run again. */
const NF_REPEAT = 4;
// linux/netfilter/nf_tables.h and nfnetlink.h; NFNL_SUBSYS_NFTABLES is 10.
const BATCH_BEGIN = 0x10;
const BATCH_END = 0x11;
const NEW_RULE = 0x0a06;
const NLM_F_APPEND = 0x800;
const NFPROTO_INET = 1;
const NESTED = 0x8000;
/** struct nfgenmsg. */
const GENERAL_BYTES = 4;

export interface HeldPacket {
  readonly id: number;
  /** 0 where nobody has marked it. */
  readonly mark: number;
}

/** Packets that rules hand over and that wait in the kernel for a word. */
export interface PacketQueue {
  /** The rules decide on it again; `mark`: how they know it. */
  repeat(id: number, mark: number): void;
  /** Puts a rule at the end of a chain that hands packets over, for kernels that have no `queue` in nftables. Rejects with NetlinkError. */
  addRule(table: string, chain: string): Promise<void>;
  /** Idempotent. Waiting packets are dropped; what comes later goes on. */
  close(): void;
}

/** Rejects with NetlinkError where the number is taken, the kernel has no queues, or the privilege is missing. */
export async function openPacketQueue(queue: number, onHeld: (packet: HeldPacket) => void): Promise<PacketQueue> {
  const onNotice = (type: number, payload: Buffer): void => {
    if (type !== QUEUE_PACKET) return;
    const packet = decodeHeld(payload);
    if (packet !== undefined) onHeld(packet);
  };
  const socket = new NetlinkSocket(NETLINK_NETFILTER, { onNotice });
  const configure = (...attributes: readonly Buffer[]): Promise<Buffer[]> =>
    socket.request(QUEUE_CONFIG, 0, Buffer.concat([general(0, queue), ...attributes]));
  try {
    await configure(encodeAttribute(NFQA_CFG_CMD, Buffer.from([BIND, 0, 0, 0])));
    await configure(
      encodeAttribute(NFQA_CFG_PARAMS, Buffer.from([0, 0, 0, 0, COPY_META])),
      encodeAttribute(NFQA_CFG_MASK, encodeBig32(FAIL_OPEN)),
      encodeAttribute(NFQA_CFG_FLAGS, encodeBig32(FAIL_OPEN)),
    );
  } catch (error) {
    socket.close();
    throw error;
  }
  return new NetlinkPacketQueue(socket, queue);
}

class NetlinkPacketQueue implements PacketQueue {
  private readonly socket: NetlinkSocket;
  private readonly queue: number;

  constructor(socket: NetlinkSocket, queue: number) {
    this.socket = socket;
    this.queue = queue;
  }

  repeat(id: number, mark: number): void {
    const verdict = Buffer.concat([encodeBig32(NF_REPEAT), encodeBig32(id)]);
    const attributes = [encodeAttribute(NFQA_VERDICT_HDR, verdict), encodeAttribute(NFQA_MARK, encodeBig32(mark))];
    // One that is not there any more needs no word.
    this.socket.request(QUEUE_VERDICT, 0, Buffer.concat([general(0, this.queue), ...attributes])).catch(() => {});
  }

  async addRule(table: string, chain: string): Promise<void> {
    await this.socket.batch((sequence) =>
      Buffer.concat([
        encodeMessage(BATCH_BEGIN, NLM_F_REQUEST, sequence, general(0, 10)),
        encodeMessage(
          NEW_RULE,
          NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_APPEND,
          sequence,
          encodeQueueRule(table, chain, this.queue),
        ),
        encodeMessage(BATCH_END, NLM_F_REQUEST, sequence, general(0, 10)),
      ]),
    );
  }

  close(): void {
    this.socket.close();
  }
}

/** The target NFQUEUE of iptables, which nftables can have too (net/netfilter/nft_compat.c). Where nobody listens, packets go on. */
function encodeQueueRule(table: string, chain: string, queue: number): Buffer {
  const info = Buffer.alloc(8); // struct xt_NFQ_info_v3, padded: the number, how many of them, NFQ_FLAG_BYPASS
  info.writeUInt16LE(queue, 0);
  info.writeUInt16LE(1, 2);
  info.writeUInt16LE(1, 4);
  const nested = (type: number, ...parts: readonly Buffer[]): Buffer =>
    encodeAttribute(NESTED | type, Buffer.concat(parts));
  const target = nested(
    2,
    encodeAttribute(1, text('NFQUEUE')),
    encodeAttribute(2, encodeBig32(3)),
    encodeAttribute(3, info),
  );
  const expressions = nested(4, nested(1, encodeAttribute(1, text('target')), target));
  return Buffer.concat([
    general(NFPROTO_INET, 0),
    encodeAttribute(1, text(table)),
    encodeAttribute(2, text(chain)),
    expressions,
  ]);
}

function decodeHeld(payload: Buffer): HeldPacket | undefined {
  const attributes = decodeAttributes(payload, GENERAL_BYTES);
  const header = attributes.get(NFQA_PACKET_HDR);
  const mark = attributes.get(NFQA_MARK);
  if (header === undefined || header.length < 4) return undefined;
  return { id: header.readUInt32BE(0), mark: mark?.length === 4 ? mark.readUInt32BE(0) : 0 };
}

const text = (value: string): Buffer => Buffer.from(`${value}\0`);

/** struct nfgenmsg. */
function general(family: number, resource: number): Buffer {
  const bytes = Buffer.from([family, 0, 0, 0]);
  bytes.writeUInt16BE(resource, 2);
  return bytes;
}
