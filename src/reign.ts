import type { Clock } from '../lb/clock.ts';
import type { Channel } from '../lb/control/channel.ts';
import type { Primary } from './primary.ts';
import type { PredecessorMessage, SuccessorMessage } from './succession.ts';

/** A successor that is not up by then has failed. Nobody is harmed meanwhile; a machine may be that busy. */
const UP_MS = 300_000;

export interface ReignDeps {
  readonly clock: Clock;
  readonly create: (onSuccessor: (channel: Channel) => void) => Primary;
  /** The successor serves. */
  readonly onReplaced: (pid: number) => void;
  /** A successor has failed, and this process could not go on in its place; there is nothing left here. What serves goes on without a primary. */
  readonly onLost: (error: Error) => void;
}

/**
 * One process as the primary: until a successor has come up in its place. One that fails on the way gives everything back: this process
 * then takes over what serves, as it would after a crash.
 */
export class Reign {
  private readonly deps: ReignDeps;
  private current: Primary;
  private changing: Promise<void> = Promise.resolve();

  constructor(deps: ReignDeps) {
    this.deps = deps;
    this.current = this.create();
  }

  get primary(): Primary {
    return this.current;
  }

  private create(): Primary {
    return this.deps.create((channel) => {
      this.changing = this.changing.then(() => this.handOver(channel));
    });
  }

  start(options: Parameters<Primary['start']>[0]): Promise<void> {
    return this.current.start(options);
  }

  async stop(): Promise<void> {
    await this.changing;
    await this.current.stop();
  }

  private async handOver(channel: Channel): Promise<void> {
    const { log } = this.current;
    log.emit({ type: 'notice', message: 'another process takes over; everything that serves goes on' });
    await this.current.letGo();
    const pid = await this.waitForUp(channel);
    channel.close();
    if (pid !== undefined) {
      this.deps.onReplaced(pid);
      return;
    }
    log.emit({ type: 'notice', message: 'the other process failed to take over; this one goes on' });
    this.current = this.create();
    await this.current.start().catch(this.deps.onLost);
  }

  /** The process that is up, or undefined when it has failed. */
  private waitForUp(channel: Channel): Promise<number | undefined> {
    return new Promise((resolve) => {
      const settle = (pid: number | undefined): void => {
        this.deps.clock.clear(timer);
        resolve(pid);
      };
      const timer = this.deps.clock.after(UP_MS, () => settle(undefined));
      channel.onMessage = (message) => {
        const event = message as SuccessorMessage;
        if (event.type === 'up') settle(event.pid);
      };
      channel.onClose = () => settle(undefined);
      if (channel.isClosed) settle(undefined);
      channel.send({ type: 'yours' } satisfies PredecessorMessage);
    });
  }
}
