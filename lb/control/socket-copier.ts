import { rmSync } from 'node:fs';
import type { PipeBinding } from '../net/pipe-binding.ts';
import type { TcpHandle } from '../net/tcp-binding.ts';
import { type Channel, openChannel } from './channel.ts';
import { MeetingPoint } from './meeting-point.ts';

/**
 * Second descriptors of listening sockets. Node offers no dup(2), but a socket that is sent through a Unix socket arrives as another
 * descriptor, also where both ends are here. Takes two descriptors as long as it is open.
 */
export class SocketCopier {
  private readonly binding: PipeBinding;
  private readonly ends: Channel[] = [];
  /** Those who wait for a copy, in order. */
  private readonly waiting: ((copy: TcpHandle | undefined) => void)[] = [];
  private isClosed = false;

  constructor(binding: PipeBinding) {
    this.binding = binding;
  }

  /**
   * `path` is taken for a moment: in a directory that is private to this user. Resolves when copies can be made; rejects with ChannelError.
   */
  async open(path: string): Promise<void> {
    const point = new MeetingPoint(this.binding);
    try {
      const met = new Promise<Channel>((resolve) => point.listen(path, resolve));
      const sender = await openChannel(this.binding, path);
      const receiver = await met;
      receiver.onMessage = (_, copy) => this.waiting.shift()?.(copy);
      this.ends.push(sender, receiver);
      if (this.isClosed) this.closeEnds();
    } finally {
      point.close();
      rmSync(path, { force: true });
    }
  }

  /** `done` gets undefined where no copy can be had, as when descriptors are short; never before this returns, and not after `close`. */
  copy(socket: TcpHandle, done: (copy: TcpHandle | undefined) => void): void {
    const [sender] = this.ends;
    if (sender === undefined) {
      setImmediate(() => {
        if (!this.isClosed) done(undefined);
      });
      return;
    }
    this.waiting.push(done);
    sender.send({}, socket);
  }

  /** Idempotent. */
  close(): void {
    this.isClosed = true;
    this.closeEnds();
  }

  private closeEnds(): void {
    for (const end of this.ends.splice(0)) end.close();
    this.waiting.length = 0;
  }
}
