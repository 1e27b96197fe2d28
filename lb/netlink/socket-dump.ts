import { createRequire } from 'node:module';
import { getSystemErrorName } from 'node:util';
import type { RawNetlinkSocket } from 'netlink';
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

/** What is used of `netlink`'s raw socket. */
export type DiagSocket = Pick<RawNetlinkSocket, 'on' | 'send' | 'close'>;

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

interface Running {
  sequence: number;
  onDatagram(bytes: Uint8Array): void;
  fail(error: Error): void;
}

export class NetlinkSocketDump implements SocketDump {
  private readonly socket: DiagSocket;
  private readonly batch = createSocketBatch(socketsIn(DATAGRAM_BYTES));
  private last: Promise<unknown> = Promise.resolve();
  private running: Running | undefined = undefined;
  private sequence = 0;
  private isClosed = false;
  private isLost = false;

  constructor(socket: DiagSocket) {
    this.socket = socket;
    socket.on('message', (bytes) => this.running?.onDatagram(bytes));
    socket.on('truncatedMessage', () => this.fail('BAD_MESSAGE', 'a message of the kernel was cut off'));
    socket.on('error', (error) => {
      // Lost messages; the dump itself goes on.
      if (error.code === 'ENOBUFS') this.isLost = true;
      else this.fail(error.code ?? 'EIO', error.message);
    });
  }

  dump(options: SocketDumpOptions, onBatch: (batch: SocketBatch) => void): Promise<SocketDumpResult> {
    const result = this.last.then(() => this.dumpNow(options, onBatch));
    this.last = result.catch(() => {});
    return result;
  }

  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.fail('CLOSED', 'the socket dump was closed');
    this.socket.close();
  }

  private async dumpNow(options: SocketDumpOptions, onBatch: (batch: SocketBatch) => void): Promise<SocketDumpResult> {
    const { sources, states, families } = options;
    const table = new SocketAddressTable(sources);
    this.isLost = false;
    const wildcards = (states & (1 << LISTEN)) !== 0 ? ['0.0.0.0', '::'] : [];
    const filter = options.isFiltered === true ? socketFilter([...sources, ...wildcards]) : undefined;
    let sockets = 0;
    const isComplete = await this.pass(
      { states, sequence: 0, filter },
      (bytes, sequence) => decodeSockets(bytes, { sequence, families, sources: table }, this.batch),
      () => {
        sockets += this.batch.count;
        if (this.batch.count > 0) onBatch(this.batch);
      },
    );
    return { sockets, isComplete: isComplete && !this.isLost };
  }

  private pass(
    request: Parameters<typeof encodeSocketRequest>[0],
    decode: (bytes: Uint8Array, sequence: number) => ReturnType<typeof decodeSockets>,
    onBatch: () => void,
  ): Promise<boolean> {
    if (this.isClosed) return Promise.reject(new SocketDumpError('CLOSED', 'the socket dump was closed'));
    this.sequence = (this.sequence % 0x7fff_ffff) + 1;
    const { sequence } = this;
    return new Promise((resolve, reject) => {
      let isComplete = true;
      let consumer: { readonly error: unknown } | undefined;
      const fail = (error: unknown): void => {
        this.running = undefined;
        reject(error);
      };
      const onDatagram = (bytes: Uint8Array): void => {
        const decoded = decode(bytes, sequence);
        try {
          if (consumer === undefined) onBatch();
        } catch (error) {
          // The kernel takes no other request (EBUSY) before all of this one's answer has been read.
          consumer = { error };
        }
        switch (decoded.type) {
          case 'more':
            isComplete &&= !decoded.isInterrupted;
            return;
          case 'done':
            if (consumer !== undefined) {
              fail(consumer.error);
              return;
            }
            this.running = undefined;
            resolve(isComplete && !decoded.isInterrupted);
            return;
          case 'error':
            fail(kernelError(decoded.errno));
            return;
          case 'malformed':
            fail(new SocketDumpError('BAD_MESSAGE', 'the kernel sent what is no netlink message'));
            return;
          default:
            decoded satisfies never;
        }
      };
      this.running = { sequence, onDatagram, fail };
      const message = Buffer.from(encodeSocketRequest({ ...request, sequence }).buffer);
      this.socket.send(message, {}, (error) => {
        if (error !== undefined && this.running?.sequence === sequence)
          fail(new SocketDumpError(error.code, 'the request could not be sent', { cause: error }));
      });
    });
  }

  private fail(code: string, message: string): void {
    this.running?.fail(new SocketDumpError(code, message));
  }
}

function kernelError(errno: number): Error {
  const code = getSystemErrorName(-errno);
  return code === 'ENOENT'
    ? new UnsupportedError('NO_SOCK_DIAG', 'the kernel has no tcp_diag; load the module')
    : new SocketDumpError(code, `the kernel refused the dump: ${code}`);
}
