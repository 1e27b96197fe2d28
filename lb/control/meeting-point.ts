import { getSystemErrorName } from 'node:util';
import type { PipeBinding, PipeHandle } from '../net/pipe-binding.ts';
import { Channel, ChannelError } from './channel.ts';

const BACKLOG = 8;

/** A Unix socket at which other processes of ours can open a channel to this one, whether or not it is their child. */
export class MeetingPoint {
  private readonly binding: PipeBinding;
  private server: PipeHandle | undefined = undefined;
  /**
   * Node accepts into a handle that passes no sockets, so a second handle is put on its descriptor. The first is never read from and must
   * never be closed, as that would close the descriptor a second time; it takes some hundred bytes, once for each channel.
   */
  private readonly shells: PipeHandle[] = [];

  constructor(binding: PipeBinding) {
    this.binding = binding;
  }

  /** Throws ChannelError: EADDRINUSE where the path is there already. The path is removed by `close`. */
  listen(path: string, onChannel: (channel: Channel) => void): void {
    const server = new this.binding.Pipe(this.binding.SERVER);
    server.onconnection = (status, shell) => {
      if (status !== 0) return;
      shell.unref();
      this.shells.push(shell);
      const pipe = new this.binding.Pipe(this.binding.IPC);
      pipe.open(shell.fd);
      onChannel(new Channel(this.binding, pipe));
    };
    const bound = server.bind(path);
    const status = bound === 0 ? server.listen(BACKLOG) : bound;
    if (status !== 0) {
      server.close();
      throw new ChannelError(getSystemErrorName(status), path);
    }
    this.server = server;
  }

  /** Does not keep the process alive. */
  unref(): void {
    this.server?.unref();
  }

  /** Open channels stay. Idempotent. */
  close(): void {
    this.server?.close();
    this.server = undefined;
  }
}
