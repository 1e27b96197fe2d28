import { getSystemErrorName } from 'node:util';
import type { RawNetlinkSocket } from 'netlink';
import { loadNetlink } from './load-netlink.ts';
import {
  decodeMessages,
  encodeMessage,
  NLM_F_ACK,
  NLM_F_DUMP,
  NLM_F_DUMP_INTR,
  NLM_F_REQUEST,
  NLMSG_DONE,
  NLMSG_ERROR,
} from './message.ts';

/** The kernel refused a request; `errno` is a name such as `EPERM`. */
export class NetlinkError extends Error {
  readonly code = 'NETLINK';
  readonly source = 'local';
  readonly retryable: boolean;
  readonly errno: string;

  constructor(errno: string) {
    super(`netlink: ${errno}`);
    this.errno = errno;
    this.retryable = errno === 'ENOBUFS' || errno === 'EINTR' || errno === 'EBUSY';
  }
}

interface Pending {
  readonly bytes: Buffer;
  readonly seq: number;
  readonly replies: Buffer[];
  isInterrupted: boolean;
  readonly settle: (error: NetlinkError | undefined) => void;
}

/** Acknowledgements wait in the socket's receive buffer, of which each takes about 800 bytes: more at a time would overflow it. */
const MOST_AT_ONCE = 64;
/** As much as the kernel puts into one part of a dump. */
const READ_BYTES = 32_768;
const DUMP_TRIES = 5;

/** One netlink socket: requests, and notifications of the groups that it joined. */
export class NetlinkSocket {
  private readonly raw: RawNetlinkSocket;
  private readonly onNotice: ((type: number, payload: Buffer) => void) | undefined;
  private readonly onLost: (() => void) | undefined;
  private readonly inFlight = new Map<number, Pending>();
  private readonly waiting: Pending[] = [];
  private nextSeq = 1;
  private isClosed = false;

  /**
   * `onNotice` gets what nobody asked for; `onLost` is called when messages were dropped (ENOBUFS): what was learnt from notices is to be
   * asked for anew. Throws NetlinkUnavailableError.
   */
  constructor(
    protocol: number,
    handlers: {
      readonly groups?: readonly number[];
      readonly onNotice?: (type: number, payload: Buffer) => void;
      readonly onLost?: () => void;
    } = {},
  ) {
    const { RawNetlinkSocket: Raw } = loadNetlink();
    this.raw = new Raw(protocol, {
      messagePeeking: false,
      msgBufferSize: READ_BYTES,
      recvBufferSize: 0,
      sendBufferSize: 0,
    });
    this.onNotice = handlers.onNotice;
    this.onLost = handlers.onLost;
    // What throws in here would abort the process, as it is called from native code.
    this.raw.on('message', (datagram) => {
      try {
        this.handle(datagram);
      } catch (error) {
        setImmediate(() => {
          throw error;
        });
      }
    });
    this.raw.on('truncatedMessage', () => this.handleLoss());
    this.raw.on('error', () => this.handleLoss());
    for (const group of handlers.groups ?? []) this.raw.addMembership(group);
    this.raw.unref();
  }

  /** Resolves with the payloads that came back, none for a request that is only acknowledged. Rejects with NetlinkError. */
  request(type: number, flags: number, payload: Buffer): Promise<Buffer[]> {
    return this.batch((seq) => encodeMessage(type, flags | NLM_F_REQUEST | NLM_F_ACK, seq, payload));
  }

  /** Several messages at once; of one of them, which has the number, the answer is waited for. Rejects with NetlinkError. */
  batch(encode: (seq: number) => Buffer): Promise<Buffer[]> {
    return new Promise((resolve, reject) => {
      if (this.isClosed) {
        reject(new NetlinkError('EBADF'));
        return;
      }
      const seq = this.nextSeq++;
      const replies: Buffer[] = [];
      const pending: Pending = {
        bytes: encode(seq),
        seq,
        replies,
        isInterrupted: false,
        settle: (error) => {
          this.inFlight.delete(seq);
          this.sendNext();
          if (error !== undefined) reject(error);
          else resolve(replies);
        },
      };
      this.waiting.push(pending);
      this.sendNext();
    });
  }

  /** All entries of a kind. One that was interrupted by a change is made again. Rejects with NetlinkError. */
  async dump(type: number, payload: Buffer): Promise<Buffer[]> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.request(type, NLM_F_DUMP, payload);
      } catch (error) {
        if (!(error instanceof NetlinkError && error.retryable) || tries === DUMP_TRIES) throw error;
      }
    }
  }

  private sendNext(): void {
    while (this.inFlight.size < MOST_AT_ONCE) {
      const next = this.waiting.shift();
      if (next === undefined) break;
      this.inFlight.set(next.seq, next);
      this.raw.send(next.bytes, undefined, (error) => {
        if (error !== undefined) next.settle(new NetlinkError(error.code));
      });
    }
    // A socket with nothing to wait for does not keep the process alive.
    if (this.isClosed) return;
    if (this.inFlight.size > 0) this.raw.ref();
    else this.raw.unref();
  }

  private handle(datagram: Buffer): void {
    for (const { type, flags, seq, payload } of decodeMessages(datagram)) {
      const pending = seq === 0 ? undefined : this.inFlight.get(seq);
      if (pending === undefined) {
        if (type !== NLMSG_ERROR && type !== NLMSG_DONE) this.onNotice?.(type, payload);
        continue;
      }
      if ((flags & NLM_F_DUMP_INTR) !== 0) pending.isInterrupted = true;
      if (type === NLMSG_ERROR || type === NLMSG_DONE) {
        const errno = payload.length >= 4 ? payload.readInt32LE(0) : 0;
        if (errno < 0) pending.settle(new NetlinkError(getSystemErrorName(errno)));
        else pending.settle(pending.isInterrupted ? new NetlinkError('EINTR') : undefined);
      } else {
        pending.replies.push(payload);
      }
    }
  }

  /** Replies may be among what was lost. */
  private handleLoss(): void {
    for (const pending of [...this.inFlight.values()]) pending.settle(new NetlinkError('ENOBUFS'));
    this.onLost?.();
  }

  /** Requests under way fail. Idempotent. */
  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.waiting.length = 0;
    for (const pending of [...this.inFlight.values()]) pending.settle(new NetlinkError('EBADF'));
    this.raw.close();
  }
}
