import { type ChildProcess, fork } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { renameSync, rmSync } from 'node:fs';
import type { Clock } from '../lb/clock.ts';
import { type Channel, openChannel } from '../lb/control/channel.ts';
import type { HostCommand, HostEvent } from '../lb/control/host-messages.ts';
import { socketPath } from '../lb/control/socket-path.ts';
import type { PipeBinding } from '../lb/net/pipe-binding.ts';
import type { TcpHandle } from '../lb/net/tcp-binding.ts';
import type { Child } from './supervisor.ts';

export interface LinkedProcessOptions {
  readonly directory: string;
  readonly id: string;
  /** Whose code it runs, for the primary after this one. */
  readonly release: string;
  readonly outliveMs: number;
}

interface LinkedEvents {
  exit: [code: number | null, signal: NodeJS.Signals | null];
  error: [error: Error];
  /** Anything from it, `pong` among it; the first is `hello` for a process that was started. */
  message: [message: never, socket: TcpHandle | undefined];
  /** It was let go. */
  'let-go': [];
}

/**
 * A process of ours that can outlive this one: one that we started, or one that an earlier primary has left. Messages go through a channel
 * that this process opened. Emits `exit` once, when the process is gone.
 */
export class LinkedProcess extends EventEmitter<LinkedEvents> implements Child {
  readonly pid: number | undefined;
  private options: LinkedProcessOptions;
  private readonly child: ChildProcess | undefined;
  private channel: Channel | undefined = undefined;
  private isLetGo = false;
  private isOver = false;

  private constructor(options: LinkedProcessOptions, pid: number | undefined, child: ChildProcess | undefined) {
    super();
    this.options = options;
    this.pid = pid;
    this.child = child;
  }

  /** `main` is called with the directory, the id, and `args`. */
  static start(
    binding: PipeBinding,
    options: LinkedProcessOptions,
    main: { readonly path: string; readonly args?: readonly string[]; readonly flags?: readonly string[] },
  ): LinkedProcess {
    const { path, args = [], flags = [] } = main;
    const child = fork(path, [options.directory, options.id, ...args], { execArgv: [...flags, ...process.execArgv] });
    const linked = new LinkedProcess(options, child.pid, child);
    child.on('exit', (code, signal) => linked.end(code, signal));
    child.on('error', (error) => linked.fail(error));
    // It listens now.
    child.once('message', () => {
      const { directory, id } = options;
      openChannel(binding, socketPath(directory, id, child.pid!)).then(
        (channel) => {
          if (linked.isLetGo || linked.isOver) channel.close();
          else linked.attach(channel);
        },
        () => linked.kill('SIGKILL'),
      );
    });
    return linked;
  }

  /** A process that answers on this channel. */
  static found(options: LinkedProcessOptions, pid: number, channel: Channel): LinkedProcess {
    const linked = new LinkedProcess(options, pid, undefined);
    linked.attach(channel);
    // It may have died since it answered.
    if (channel.isClosed) queueMicrotask(() => linked.end(null, null));
    return linked;
  }

  private attach(channel: Channel): void {
    this.channel = channel;
    channel.onMessage = (message, socket) => {
      // The channel of its birth is not needed any more: by its end a process knows that it was forsaken before it was met.
      if (this.child?.connected === true) this.child.disconnect();
      this.emit('message', message as never, socket);
    };
    channel.onClose = () => {
      this.channel = undefined;
      // One that we started tells its end itself, with the cause; without its channel it is of no use meanwhile.
      if (this.child === undefined) this.end(null, null);
      else this.kill('SIGKILL');
    };
    const { release, outliveMs } = this.options;
    this.send({ type: 'join', release, outliveMs } satisfies HostCommand);
  }

  /** It is met under this id from now on. */
  rename(id: string): void {
    const { directory, id: before } = this.options;
    this.options = { ...this.options, id };
    renameSync(socketPath(directory, before, this.pid!), socketPath(directory, id, this.pid!));
  }

  /** Lost where the process has no channel yet, or is about to end. */
  send(message: unknown, socket?: TcpHandle): void {
    this.channel?.send(message, socket);
  }

  kill(signal: NodeJS.Signals): void {
    if (this.child !== undefined) {
      this.child.kill(signal);
      return;
    }
    try {
      if (!this.isOver) process.kill(this.pid!, signal);
    } catch {
      // It is gone, and its channel is about to say so.
    }
  }

  /** Resolves when it is gone. It is killed if it is still there after that time. */
  goneBy(clock: Clock, deadlineMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = clock.after(deadlineMs, () => this.kill('SIGKILL'));
      this.on('exit', () => {
        clock.clear(timer);
        resolve();
      });
    });
  }

  /** Leaves the process alone, as it is: it is for another primary. Nothing is emitted any more. */
  letGo(): void {
    this.isLetGo = true;
    this.emit('let-go');
    this.removeAllListeners();
    this.channel?.close();
    this.channel = undefined;
    this.child?.removeAllListeners();
    this.child?.unref();
    if (this.child?.connected === true) this.child.disconnect();
  }

  private end(code: number | null, signal: NodeJS.Signals | null): void {
    if (this.isOver || this.isLetGo) return;
    this.isOver = true;
    this.channel?.close();
    this.channel = undefined;
    const { directory, id } = this.options;
    if (this.pid !== undefined) rmSync(socketPath(directory, id, this.pid), { force: true });
    this.emit('exit', code, signal);
  }

  private fail(error: Error): void {
    if (this.isOver || this.isLetGo) return;
    if (this.pid === undefined) this.isOver = true;
    this.emit('error', error);
  }
}

/** What every such process says, whatever its work is. */
export function isHostEvent(message: { readonly type: string }): message is HostEvent {
  return ['hello', 'found', 'socket', 'sockets-end', 'pong'].includes(message.type);
}
