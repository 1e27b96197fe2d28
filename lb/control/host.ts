import type { Clock, Timer } from '../clock.ts';
import type { PipeBinding } from '../net/pipe-binding.ts';
import type { TcpHandle } from '../net/tcp-binding.ts';
import type { Channel } from './channel.ts';
import type { HostCommand, HostEvent } from './host-messages.ts';
import { MeetingPoint } from './meeting-point.ts';

/** What a process does for its primary. */
export interface Hosted<Command> {
  handle(command: Command, socket: TcpHandle | undefined): void;
  /** How it stands, for a primary that finds it; undefined while it has not been told to do anything yet. */
  describe(): unknown;
  /** Sockets that it accepts from, by listener. */
  sockets(): ReadonlyMap<string, TcpHandle>;
  /** There is no primary, or there is one again. */
  onAlone(isAlone: boolean): void;
  /** No primary has come for too long, or somebody has asked for it meanwhile: finish and exit. */
  leave(): void;
  /** Nothing has been begun: exit. */
  exit(): void;
}

export interface HostDeps<Command> {
  readonly clock: Clock;
  readonly binding: PipeBinding;
  readonly hosted: Hosted<Command>;
}

/**
 * Lets a process outlive its primary. The primary opens the channel between them, at a path that the next primary knows too. When a channel
 * ends the process goes on as it was last told, and is alone; the primary that opens the next one hears how it stands, and goes on from
 * there. One primary at a time: whoever comes last is believed, and nothing of the one before is heard any more.
 */
export class Host<Command extends { readonly type: string }> {
  private readonly deps: HostDeps<Command>;
  private readonly point: MeetingPoint;
  private channel: Channel | undefined = undefined;
  private hasJoined = false;
  private hasMet = false;
  private release = '';
  private memo: unknown = undefined;
  private outliveMs = 0;
  private leaving: Timer | undefined = undefined;

  constructor(deps: HostDeps<Command>) {
    this.deps = deps;
    this.point = new MeetingPoint(deps.binding);
  }

  /** Throws ChannelError. */
  listen(path: string): void {
    this.point.listen(path, (channel) => this.meet(channel));
  }

  /** The primary that started this process is gone. */
  onParentGone(): void {
    if (!this.hasMet) this.deps.hosted.exit();
  }

  /** Somebody asks the process to end. That is for the primary to decide, while there is one. */
  onTerminate(): void {
    if (!this.hasJoined) this.leave();
  }

  /** Lost while there is no primary: the next one hears how it stands. */
  send(event: unknown, done?: () => void): void {
    if (this.hasJoined) this.channel?.send(event, undefined, done);
  }

  private meet(channel: Channel): void {
    this.channel?.close();
    this.channel = channel;
    this.hasMet = true;
    this.hasJoined = false;
    this.deps.hosted.onAlone(true);
    channel.onMessage = (message, socket) => this.handle(channel, message as HostCommand | Command, socket);
    channel.onClose = () => this.handleClose();
    const state = this.deps.hosted.describe();
    const { release, memo } = this;
    this.tell(channel, state === undefined ? { type: 'hello' } : { type: 'found', release, memo, state });
  }

  private tell(channel: Channel, event: HostEvent, socket?: TcpHandle): void {
    channel.send(event, socket);
  }

  private handle(channel: Channel, message: HostCommand | Command, socket: TcpHandle | undefined): void {
    const command = message as HostCommand;
    switch (command.type) {
      case 'join':
        this.hasJoined = true;
        this.release = command.release;
        this.outliveMs = command.outliveMs;
        this.deps.clock.clear(this.leaving);
        this.leaving = undefined;
        this.deps.hosted.onAlone(false);
        return;
      case 'remember':
        this.memo = command.memo;
        return;
      case 'sockets':
        for (const [listener, handle] of this.deps.hosted.sockets()) {
          this.tell(channel, { type: 'socket', listener }, handle);
        }
        this.tell(channel, { type: 'sockets-end' });
        return;
      case 'ping':
        this.tell(channel, { type: 'pong' });
        return;
      default:
        this.deps.hosted.handle(message as Command, socket);
    }
  }

  private handleClose(): void {
    const { hosted, clock } = this.deps;
    this.channel = undefined;
    this.hasJoined = false;
    hosted.onAlone(true);
    if (hosted.describe() === undefined) hosted.exit();
    else if (this.outliveMs === 0) this.leave();
    else this.leaving ??= clock.after(this.outliveMs, () => this.leave());
  }

  private leave(): void {
    // Who comes now finds nobody, and starts a process of its own.
    this.point.close();
    this.deps.hosted.leave();
  }
}
