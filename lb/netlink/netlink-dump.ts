import { getSystemErrorName } from 'node:util';
import type { RawNetlinkSocket } from 'netlink';

/** What one datagram of the answer brought. */
export type Decoded =
  /** More follows in the next datagram. */
  | { readonly type: 'more'; readonly isInterrupted: boolean }
  | { readonly type: 'done'; readonly isInterrupted: boolean }
  /** `errno` as the kernel gives it, positive. */
  | { readonly type: 'error'; readonly errno: number }
  /** Not what the kernel sends: cut off, or lengths that do not add up. */
  | { readonly type: 'malformed' };

/** What is used of `netlink`'s raw socket. */
export type DumpSocket = Pick<RawNetlinkSocket, 'on' | 'send' | 'close'>;

export interface DumpRequest {
  readonly encode: (sequence: number) => Buffer;
  readonly decode: (bytes: Uint8Array, sequence: number) => Decoded;
  /** After each datagram. */
  readonly onDecoded: () => void;
}

export interface NetlinkDumpDeps {
  readonly socket: DumpSocket;
  /** `code`: an errno name, `CLOSED`, or `BAD_MESSAGE` for bytes that are no netlink message. */
  readonly errorOf: (code: string, message: string, options?: ErrorOptions) => Error;
}

interface Running {
  readonly sequence: number;
  readonly onDatagram: (bytes: Uint8Array) => void;
  readonly fail: (error: unknown) => void;
}

/** Reads long lists of the kernel's, one after the other, each to its end. */
export class NetlinkDump {
  private readonly deps: NetlinkDumpDeps;
  private last: Promise<unknown> = Promise.resolve();
  private running: Running | undefined = undefined;
  private sequence = 0;
  private isClosed = false;
  private isLost = false;

  constructor(deps: NetlinkDumpDeps) {
    this.deps = deps;
    const { socket } = deps;
    socket.on('message', (bytes) => this.running?.onDatagram(bytes));
    socket.on('truncatedMessage', () => this.fail('BAD_MESSAGE', 'a message of the kernel was cut off'));
    socket.on('error', (error) => {
      // Lost messages; the dump itself goes on.
      if (error.code === 'ENOBUFS') this.isLost = true;
      else this.fail(error.code ?? 'EIO', error.message);
    });
  }

  /**
   * Resolves with whether all of it came: not, where the kernel was interrupted or messages were lost. Rejects with what `errorOf` makes;
   * what `onDecoded` throws rejects too, once the kernel has come to the end of the dump.
   */
  run(request: DumpRequest): Promise<boolean> {
    const result = this.last.then(() => this.runNow(request));
    this.last = result.catch(() => {});
    return result;
  }

  /** Idempotent. Rejects what runs. */
  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.fail('CLOSED', 'the dump was closed');
    this.deps.socket.close();
  }

  private runNow({ encode, decode, onDecoded }: DumpRequest): Promise<boolean> {
    const { socket, errorOf } = this.deps;
    if (this.isClosed) return Promise.reject(errorOf('CLOSED', 'the dump was closed'));
    this.isLost = false;
    this.sequence = (this.sequence % 0x7fff_ffff) + 1;
    const { sequence } = this;
    return new Promise((resolve, reject) => {
      let isWhole = true;
      let consumer: { readonly error: unknown } | undefined;
      const fail = (error: unknown): void => {
        this.running = undefined;
        reject(error);
      };
      const onDatagram = (bytes: Uint8Array): void => {
        const decoded = decode(bytes, sequence);
        try {
          if (consumer === undefined) onDecoded();
        } catch (error) {
          // The kernel takes no other request (EBUSY) before all of this one's answer has been read.
          consumer = { error };
        }
        switch (decoded.type) {
          case 'more':
            isWhole &&= !decoded.isInterrupted;
            return;
          case 'done':
            if (consumer !== undefined) {
              fail(consumer.error);
              return;
            }
            this.running = undefined;
            resolve(isWhole && !decoded.isInterrupted && !this.isLost);
            return;
          case 'error': {
            const code = getSystemErrorName(-decoded.errno);
            fail(errorOf(code, `the kernel refused the dump: ${code}`));
            return;
          }
          case 'malformed':
            fail(errorOf('BAD_MESSAGE', 'the kernel sent what is no netlink message'));
            return;
          default:
            decoded satisfies never;
        }
      };
      this.running = { sequence, onDatagram, fail };
      socket.send(encode(sequence), {}, (error) => {
        if (error !== undefined && this.running?.sequence === sequence)
          fail(errorOf(error.code, 'the request could not be sent', { cause: error }));
      });
    });
  }

  private fail(code: string, message: string): void {
    this.running?.fail(this.deps.errorOf(code, message));
  }
}
