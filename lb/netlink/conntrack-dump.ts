import { getSystemErrorName } from 'node:util';
import type { RawNetlinkSocket } from 'netlink';
import { type ConntrackBatch, createConntrackBatch } from './conntrack-batch.ts';
import { decodeConntrack, entriesIn } from './conntrack-decoder.ts';
import { loadNetlink } from './load-netlink.ts';
import { encodeMessage, NLM_F_DUMP, NLM_F_REQUEST } from './message.ts';
import { SocketAddressTable } from './socket-address.ts';

const NETLINK_NETFILTER = 12;
/** NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET. */
const CONNTRACK_GET = 0x0101;
/** struct nfgenmsg: every family, NFNETLINK_V0, no resource. */
const EVERY_FAMILY = Buffer.alloc(4);
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
   * One at a time. Rejects with ConntrackDumpError; what `onBatch` throws rejects too.
   */
  dump(options: ConntrackDumpOptions, onBatch: (batch: ConntrackBatch) => void): Promise<boolean>;
  /** Idempotent. Rejects what runs. */
  close(): void;
}

/** What is used of `netlink`'s raw socket. */
export type ConntrackSocket = Pick<RawNetlinkSocket, 'on' | 'send' | 'close'>;

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

interface Running {
  readonly onDatagram: (bytes: Uint8Array) => void;
  readonly fail: (error: Error) => void;
}

/** Reads the kernel's table of connections, of which nothing but those of Portico is looked at. */
export class NetlinkConntrackDump implements ConntrackDump {
  private readonly socket: ConntrackSocket;
  private readonly batch = createConntrackBatch(entriesIn(DATAGRAM_BYTES));
  private running: Running | undefined = undefined;
  private sequence = 0;
  private isClosed = false;
  private isLost = false;

  constructor(socket: ConntrackSocket) {
    this.socket = socket;
    socket.on('message', (bytes) => this.running?.onDatagram(bytes));
    socket.on('truncatedMessage', () => this.fail('BAD_MESSAGE', 'a message of the kernel was cut off'));
    socket.on('error', (error) => {
      // Lost messages; the dump itself goes on.
      if (error.code === 'ENOBUFS') this.isLost = true;
      else this.fail(error.code ?? 'EIO', error.message);
    });
  }

  dump({ sources, servers }: ConntrackDumpOptions, onBatch: (batch: ConntrackBatch) => void): Promise<boolean> {
    if (this.isClosed) return Promise.reject(new ConntrackDumpError('CLOSED', 'the conntrack dump was closed'));
    if (this.running !== undefined) return Promise.reject(new ConntrackDumpError('EBUSY', 'another dump runs'));
    this.isLost = false;
    this.sequence = (this.sequence % 0x7fff_ffff) + 1;
    const { sequence, batch } = this;
    const options = {
      sequence,
      sources: new SocketAddressTable(sources),
      servers: new SocketAddressTable(servers),
    };
    return new Promise((resolve, reject) => {
      let isWhole = true;
      const fail = (error: Error): void => {
        this.running = undefined;
        reject(error);
      };
      const onDatagram = (bytes: Uint8Array): void => {
        const decoded = decodeConntrack(bytes, options, batch);
        try {
          if (batch.count > 0) onBatch(batch);
        } catch (error) {
          fail(error as Error);
          return;
        }
        switch (decoded.type) {
          case 'more':
            isWhole &&= !decoded.isInterrupted;
            return;
          case 'done':
            this.running = undefined;
            resolve(isWhole && !decoded.isInterrupted && !this.isLost);
            return;
          case 'error':
            fail(
              new ConntrackDumpError(
                getSystemErrorName(-decoded.errno),
                `the kernel refused the dump: ${getSystemErrorName(-decoded.errno)}`,
              ),
            );
            return;
          case 'malformed':
            fail(new ConntrackDumpError('BAD_MESSAGE', 'the kernel sent what is no netlink message'));
            return;
          default:
            decoded satisfies never;
        }
      };
      this.running = { onDatagram, fail };
      const message = encodeMessage(CONNTRACK_GET, NLM_F_REQUEST | NLM_F_DUMP, sequence, EVERY_FAMILY);
      this.socket.send(message, {}, (error) => {
        if (error !== undefined && this.sequence === sequence) {
          this.fail(error.code, 'the request could not be sent');
        }
      });
    });
  }

  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.fail('CLOSED', 'the conntrack dump was closed');
    this.socket.close();
  }

  private fail(code: string, message: string): void {
    this.running?.fail(new ConntrackDumpError(code, message));
  }
}
