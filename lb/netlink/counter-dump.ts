import { createRequire } from 'node:module';
import { getSystemErrorName } from 'node:util';
import {
  decodeAttributes,
  decodeMessages,
  encodeAttribute,
  encodeMessage,
  NLM_F_DUMP,
  NLM_F_DUMP_INTR,
  NLM_F_REQUEST,
  NLMSG_DONE,
  NLMSG_ERROR,
} from './message.ts';

// linux/socket.h, linux/netlink.h, linux/netfilter/nfnetlink.h, linux/netfilter/nf_tables.h, asm-generic/fcntl.h.
const AF_NETLINK = 16;
const SOCK_RAW_CLOEXEC = 3 | 0o2000000;
const NETLINK_NETFILTER = 12;
const MSG_DONTWAIT = 0x40;
/** NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETOBJ. */
const GET_OBJECT = 0x0a13;
const NFPROTO_INET = 1;
const NFTA_OBJ_TABLE = 1;
const NFTA_OBJ_NAME = 2;
const NFTA_OBJ_TYPE = 3;
const NFTA_OBJ_DATA = 4;
const NFT_OBJECT_COUNTER = 1;
const NFTA_COUNTER_PACKETS = 2;
/** struct nfgenmsg. */
const GENERAL_BYTES = 4;
/** The kernel fills at most 32 KiB for one reading of a dump. */
const DATAGRAM_BYTES = 64 * 1024;
const MOST_TRIES = 3;

interface Libc {
  readonly socket: (family: number, type: number, protocol: number) => number;
  readonly send: (fd: number, bytes: Buffer, length: number, flags: number) => number;
  readonly recv: (fd: number, bytes: Buffer, length: number, flags: number) => number;
  readonly close: (fd: number) => number;
  readonly errno: () => number;
}

/** `code`: an errno name such as `EPERM`; `EINTR` where others changed the rules again and again. */
export class CounterDumpError extends Error {
  readonly code: string;
  readonly source = 'local';
  readonly retryable = true;

  constructor(code: string) {
    super(`the counters of nftables cannot be read (${code})`);
    this.code = code;
  }
}

export interface CounterDump {
  /** Packets by the name of the counter, of the table `inet TABLE`; none where there is no such table. Blocks. Throws CounterDumpError. */
  read(table: string): ReadonlyMap<string, number>;
  /** Idempotent. */
  close(): void;
}

/**
 * The counters of nftables by a socket of our own: libnftables lists all chains and rules of a table before it tells any counter of it, which
 * takes 35 ms where there are some thousand chains (measured), and this 0.1. It waits for its answer as libnftables does, so that what is
 * counted is from before the next change of the rules. Throws where the package koffi is not installed, or no socket can be had.
 */
export function openCounterDump(): CounterDump {
  return new SocketCounterDump(loadLibc());
}

function loadLibc(): Libc {
  const koffi = createRequire(import.meta.url)('koffi') as {
    load(name: null): { func(prototype: string): never };
    errno(): number;
  };
  // What node itself is linked to.
  const libc = koffi.load(null);
  return {
    socket: libc.func('int socket(int, int, int)'),
    send: libc.func('intptr_t send(int, const void *, size_t, int)'),
    recv: libc.func('intptr_t recv(int, void *, size_t, int)'),
    close: libc.func('int close(int)'),
    errno: () => koffi.errno(),
  };
}

class SocketCounterDump implements CounterDump {
  private readonly libc: Libc;
  private readonly buffer = Buffer.alloc(DATAGRAM_BYTES);
  private fd: number;
  private sequence = 0;

  constructor(libc: Libc) {
    this.libc = libc;
    this.fd = libc.socket(AF_NETLINK, SOCK_RAW_CLOEXEC, NETLINK_NETFILTER);
    if (this.fd < 0) throw new CounterDumpError(getSystemErrorName(-libc.errno()));
  }

  read(table: string): ReadonlyMap<string, number> {
    for (let i = 1; ; i++) {
      const counted = this.readOnce(table);
      if (counted !== undefined) return counted;
      if (i === MOST_TRIES) throw new CounterDumpError('EINTR');
    }
  }

  /** Undefined where the rules changed meanwhile. */
  private readOnce(table: string): ReadonlyMap<string, number> | undefined {
    const sequence = ++this.sequence >>> 0;
    const general = Buffer.from([NFPROTO_INET, 0, 0, 0]);
    const type = Buffer.alloc(4);
    type.writeUInt32BE(NFT_OBJECT_COUNTER);
    const request = encodeMessage(
      GET_OBJECT,
      NLM_F_REQUEST | NLM_F_DUMP,
      sequence,
      Buffer.concat([
        general,
        encodeAttribute(NFTA_OBJ_TABLE, Buffer.from(`${table}\0`, 'latin1')),
        encodeAttribute(NFTA_OBJ_TYPE, type),
      ]),
    );
    if (this.libc.send(this.fd, request, request.length, 0) < 0) throw this.lastError();
    const counted = new Map<string, number>();
    let isWhole = true;
    for (;;) {
      const length = Number(this.libc.recv(this.fd, this.buffer, this.buffer.length, MSG_DONTWAIT));
      if (length < 0) throw this.lastError();
      for (const { type: kind, flags, seq, payload } of decodeMessages(this.buffer.subarray(0, length))) {
        // What is left of a dump that failed.
        if (seq !== sequence) continue;
        if ((flags & NLM_F_DUMP_INTR) !== 0) isWhole = false;
        if (kind === NLMSG_ERROR) throw new CounterDumpError(getSystemErrorName(payload.readInt32LE(0)));
        if (kind === NLMSG_DONE) return isWhole ? counted : undefined;
        count(decodeAttributes(payload, GENERAL_BYTES), table, counted);
      }
    }
  }

  private lastError(): CounterDumpError {
    return new CounterDumpError(getSystemErrorName(-this.libc.errno()));
  }

  close(): void {
    if (this.fd >= 0) this.libc.close(this.fd);
    this.fd = -1;
  }
}

function count(object: ReadonlyMap<number, Buffer>, table: string, counted: Map<string, number>): void {
  const data = object.get(NFTA_OBJ_DATA);
  // Kernels that know no such filter tell of all.
  if (data === undefined || textOf(object.get(NFTA_OBJ_TABLE)) !== table) return;
  const packets = decodeAttributes(data, 0).get(NFTA_COUNTER_PACKETS);
  if (packets?.length === 8) counted.set(textOf(object.get(NFTA_OBJ_NAME)), Number(packets.readBigUInt64BE(0)));
}

/** Without its final zero. */
const textOf = (value: Buffer | undefined): string => value?.toString('latin1', 0, value.length - 1) ?? '';
