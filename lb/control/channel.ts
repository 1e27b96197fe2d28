import { getSystemErrorName } from 'node:util';
import type { PipeBinding, PipeHandle } from '../net/pipe-binding.ts';
import type { TcpHandle } from '../net/tcp-binding.ts';
import { encodeFrame, FrameReader } from './frames.ts';

/** No process answers at the path; `code` is an errno name such as `ECONNREFUSED` or `ENOENT`. */
export class ChannelError extends Error {
  readonly code: string;
  readonly source = 'local';
  readonly retryable = true;

  constructor(code: string, path: string) {
    super(`cannot reach ${path}: ${code}`);
    this.code = code;
  }
}

/** Messages, and sockets with them, between two processes of this host. In order, and either whole or not at all. */
export class Channel {
  /** Set before the next turn of the event loop: messages come from then on. */
  onMessage: (message: unknown, socket: TcpHandle | undefined) => void = () => {};
  /** The other side is gone, or has said something that cannot be read. Not called after `close`. */
  onClose: () => void = () => {};
  private readonly binding: PipeBinding;
  private readonly pipe: PipeHandle;
  private readonly reader = new FrameReader();
  private readonly sockets: TcpHandle[] = [];
  private closed = false;

  constructor(binding: PipeBinding, pipe: PipeHandle) {
    this.binding = binding;
    this.pipe = pipe;
    pipe.pendingHandle = null;
    pipe.onread = (data) => this.handleRead(data);
    pipe.readStart();
  }

  get isClosed(): boolean {
    return this.closed;
  }

  private handleRead(data: ArrayBuffer | undefined): void {
    const { state, READ, OFFSET } = this.binding;
    const socket = this.pipe.pendingHandle;
    this.pipe.pendingHandle = null;
    // The kernel never reads past a message that sockets go with, so one read brings one at most, and never after its message.
    if (socket !== null) this.sockets.push(socket);
    if (data === undefined) {
      this.end();
      return;
    }
    try {
      for (const { message, hasSocket } of this.reader.read(Buffer.from(data, state[OFFSET]!, state[READ]!))) {
        this.onMessage(message, hasSocket ? this.sockets.shift() : undefined);
        if (this.closed) return;
      }
    } catch (error) {
      if ((error as { code?: string }).code !== 'FRAME') throw error;
      this.end();
    }
  }

  private end(): void {
    if (this.closed) return;
    this.close();
    this.onClose();
  }

  /** `socket` stays open here; the other side gets a descriptor of its own. `done` runs when the kernel has it, or never will. */
  send(message: unknown, socket?: TcpHandle, done: () => void = () => {}): void {
    if (this.closed) {
      done();
      return;
    }
    const request = new this.binding.WriteRequest();
    const frame = encodeFrame(message, socket !== undefined);
    request.oncomplete = done;
    request.data = frame;
    const status =
      socket === undefined
        ? this.pipe.writeBuffer(request, frame)
        : this.pipe.writeLatin1String(request, frame.toString('latin1'), socket);
    // The end of the other side is told by the reads.
    if (status !== 0) done();
  }

  /** Idempotent. What was sent and has not left this process yet is lost. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.pipe.close();
    for (const socket of this.sockets.splice(0)) socket.close();
  }
}

/** Rejects with ChannelError. */
export function openChannel(binding: PipeBinding, path: string): Promise<Channel> {
  return new Promise((resolve, reject) => {
    const pipe = new binding.Pipe(binding.IPC);
    const request = new binding.ConnectRequest();
    const settle = (status: number): void => {
      if (status === 0) {
        resolve(new Channel(binding, pipe));
        return;
      }
      pipe.close();
      reject(new ChannelError(getSystemErrorName(status), path));
    };
    request.oncomplete = settle;
    const status = pipe.connect(request, path);
    if (status !== 0) settle(status);
  });
}
