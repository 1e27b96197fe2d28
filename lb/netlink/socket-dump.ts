import { createRequire } from 'node:module';
import type { RawNetlinkSocket } from 'netlink';
import { type DumpSocket, NetlinkDump } from './netlink-dump.ts';
import { SocketAddressTable } from './socket-address.ts';
import { createSocketBatch, type SocketBatch } from './socket-batch.ts';
import { decodeSockets, socketsIn } from './socket-decoder.ts';
import { SocketDumpError, UnsupportedError } from './socket-errors.ts';
import { socketFilter } from './socket-filter.ts';
import { encodeSocketRequest } from './socket-request.ts';

export interface SocketDumpOptions {
  readonly sources: readonly string[];
  /** Bit mask, 1 << state (TCP_* of the kernel). */
  readonly states: number;
  readonly families: readonly (4 | 6)[];
  /**
   * Default false: every socket comes, also those of other addresses. True: only the sources' and, with LISTEN, the wildcard addresses'. The
   * kernel walks past what does not match without a pause, so the filter saves a third of the time but blocks for eight times as long.
   */
  readonly isFiltered?: boolean;
}

export interface SocketDumpResult {
  readonly sockets: number;
  /** False: the kernel said that the dump was interrupted or messages were lost. */
  readonly isComplete: boolean;
}

export interface SocketDump {
  /**
   * Calls `onBatch` for some sockets at a time. Dumps run one after the other. Rejects with SocketDumpError or UnsupportedError; what `onBatch`
   * throws rejects too, once the kernel has come to the end of the dump.
   */
  dump(options: SocketDumpOptions, onBatch: (batch: SocketBatch) => void): Promise<SocketDumpResult>;
  /** Idempotent. Rejects what runs. */
  close(): void;
}

const NETLINK_SOCK_DIAG = 4;
const LISTEN = 10;
/**
 * The kernel fills datagrams up to the size of the buffer that they are read into, and the `netlink` package reads 32 of them before other work
 * has its turn. Of 140,000 sockets, 8 KiB took 155 ms and blocked the event loop for 3.5 ms at most, 32 KiB 135 ms and 10 ms.
 */
const DATAGRAM_BYTES = 8 * 1024;
const RECEIVE_BYTES = 1024 * 1024;

/** Throws UnsupportedError. */
export function openSocketDump(): SocketDump {
  let Socket: typeof RawNetlinkSocket;
  try {
    Socket = createRequire(import.meta.url)('netlink').RawNetlinkSocket;
  } catch (cause) {
    throw new UnsupportedError('NO_NETLINK_MODULE', 'the "netlink" package has no binary for this machine', { cause });
  }
  try {
    const socket = new Socket(NETLINK_SOCK_DIAG, {
      messagePeeking: false,
      msgBufferSize: DATAGRAM_BYTES,
      recvBufferSize: RECEIVE_BYTES,
      sendBufferSize: 64 * 1024,
    });
    return new NetlinkSocketDump(socket);
  } catch (cause) {
    throw new UnsupportedError('NO_SOCK_DIAG', 'the kernel gives no sock_diag socket', { cause });
  }
}

export class NetlinkSocketDump implements SocketDump {
  private readonly dumps: NetlinkDump;
  private readonly batch = createSocketBatch(socketsIn(DATAGRAM_BYTES));

  constructor(socket: DumpSocket) {
    this.dumps = new NetlinkDump({ socket, errorOf });
  }

  async dump(options: SocketDumpOptions, onBatch: (batch: SocketBatch) => void): Promise<SocketDumpResult> {
    const { sources, states, families } = options;
    const { batch } = this;
    const table = new SocketAddressTable(sources);
    const wildcards = (states & (1 << LISTEN)) !== 0 ? ['0.0.0.0', '::'] : [];
    const filter = options.isFiltered === true ? socketFilter([...sources, ...wildcards]) : undefined;
    let sockets = 0;
    const isComplete = await this.dumps.run({
      encode: (sequence) => Buffer.from(encodeSocketRequest({ states, sequence, filter }).buffer),
      decode: (bytes, sequence) => decodeSockets(bytes, { sequence, families, sources: table }, batch),
      onDecoded: () => {
        sockets += batch.count;
        if (batch.count > 0) onBatch(batch);
      },
    });
    return { sockets, isComplete };
  }

  close(): void {
    this.dumps.close();
  }
}

function errorOf(code: string, message: string, options?: ErrorOptions): Error {
  return code === 'ENOENT'
    ? new UnsupportedError('NO_SOCK_DIAG', 'the kernel has no tcp_diag; load the module')
    : new SocketDumpError(code, message, options);
}
