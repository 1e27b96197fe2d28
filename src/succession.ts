import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { ListenerConfig } from '../config/config.ts';
import type { Clock } from '../lb/clock.ts';
import { type Channel, openChannel } from '../lb/control/channel.ts';
import { MeetingPoint } from '../lb/control/meeting-point.ts';
import type { FoundPlane } from '../lb/control/messages.ts';
import type { TcpHandle } from '../lb/net/tcp-binding.ts';
import type { EventLog } from './event-log.ts';
import type { Lineage } from './lineage.ts';
import { indexOfPlane } from './sort-planes.ts';
import { StartError } from './start-error.ts';
import { findSurvivors, type Survivor, takeSockets } from './survivors.ts';

/** Where primaries meet. */
const PRIMARY = 'primary.sock';
const ANSWER_MS = 3000;
/** How long a primary may take to let its processes go. */
const HAND_OVER_MS = 10_000;

/** From a primary to the one that is there before it. */
export type SuccessorMessage =
  /** Let go of your processes; answered by `yours`. */
  | { readonly type: 'take-over' }
  /** It serves: the other may exit. A channel that ends before is a successor that has failed. */
  | { readonly type: 'up'; readonly pid: number };

/** From the primary that is there. The first message on a channel is `here`. */
export type PredecessorMessage = { readonly type: 'here'; readonly pid: number } | { readonly type: 'yours' };

export interface SuccessionDeps {
  readonly clock: Clock;
  readonly log: EventLog;
  readonly pid: number;
  /** A successor asks for what this primary has. */
  readonly onSuccessor: (channel: Channel) => void;
}

/**
 * How one primary follows another with the same config file: one at a time, and each takes over the processes, the sockets and the ports
 * that the one before has left, whether it was killed or makes room.
 */
export class Succession {
  /** Of the last run, found by `open`. */
  survivors: readonly Survivor[] = [];
  private readonly deps: SuccessionDeps;
  private readonly lineage: Lineage;
  private readonly point: MeetingPoint;
  private predecessor: Channel | undefined = undefined;

  constructor(deps: SuccessionDeps, lineage: Lineage) {
    this.deps = deps;
    this.lineage = lineage;
    this.point = new MeetingPoint(lineage.binding);
  }

  private get path(): string {
    return join(this.lineage.directory, PRIMARY);
  }

  /**
   * Becomes the primary, and finds what there is of an earlier run. `isUpgrade`: one that runs is asked to make room. Throws StartError where
   * it runs and is not to be disturbed, or does not answer.
   */
  async open(isUpgrade: boolean): Promise<void> {
    await this.meetPredecessor(isUpgrade);
    try {
      this.point.listen(this.path, (channel) => this.handle(channel));
    } catch (cause) {
      throw new StartError('another Portico with this config is just starting; wait for it, or stop it.', { cause });
    }
    this.point.unref();
    const onNotice = (message: string): void => this.deps.log.emit({ type: 'notice', message });
    const { clock } = this.deps;
    const { binding, directory } = this.lineage;
    const found = await findSurvivors({ clock, binding, onNotice }, directory);
    // Who asks for an upgrade wants other code to run, even where its version says the same.
    this.survivors = isUpgrade ? found.map((survivor) => ({ ...survivor, release: '' })) : found;
  }

  private handle(channel: Channel): void {
    channel.send({ type: 'here', pid: this.deps.pid } satisfies PredecessorMessage);
    channel.onMessage = (message) => {
      if ((message as SuccessorMessage).type === 'take-over') this.deps.onSuccessor(channel);
    };
  }

  private async meetPredecessor(isUpgrade: boolean): Promise<void> {
    const met = await this.greet();
    if (met === undefined) {
      rmSync(this.path, { force: true });
      return;
    }
    const { channel, here } = met;
    if (here?.type !== 'here') {
      channel.close();
      throw new StartError(
        'the Portico that runs with this config does not answer; end it with `kill -9`, and start again.',
      );
    }
    if (!isUpgrade) {
      channel.close();
      throw new StartError(
        `another Portico (process ${here.pid}) runs with this config; stop it, or send it SIGUSR2 to have it replaced.`,
      );
    }
    channel.send({ type: 'take-over' } satisfies SuccessorMessage);
    if ((await this.next(channel, HAND_OVER_MS))?.type !== 'yours') {
      channel.close();
      throw new StartError(`the Portico that runs (process ${here.pid}) did not make room.`);
    }
    this.predecessor = channel;
  }

  /** The primary that can be met; undefined where there is none. One that hangs up without a word is just ending: it is soon gone. */
  private async greet(): Promise<
    { readonly channel: Channel; readonly here: PredecessorMessage | undefined } | undefined
  > {
    const { clock } = this.deps;
    const deadline = clock.now() + ANSWER_MS;
    for (;;) {
      const channel = await openChannel(this.lineage.binding, this.path).catch(() => undefined);
      if (channel === undefined) return undefined;
      const here = await this.next(channel, ANSWER_MS);
      if (here !== undefined || !channel.isClosed || clock.now() >= deadline) return { channel, here };
    }
  }

  private next(channel: Channel, timeoutMs: number): Promise<PredecessorMessage | undefined> {
    return new Promise((resolve) => {
      const settle = (message: PredecessorMessage | undefined): void => {
        this.deps.clock.clear(timer);
        resolve(message);
      };
      const timer = this.deps.clock.after(timeoutMs, () => settle(undefined));
      channel.onMessage = (message) => settle(message as PredecessorMessage);
      channel.onClose = () => settle(undefined);
    });
  }

  /** The sockets of the listeners that planes still accept from. */
  async takeSockets(listeners: readonly ListenerConfig[]): Promise<ReadonlyMap<string, TcpHandle>> {
    const taken = new Map<string, TcpHandle>();
    for (const survivor of this.survivors) {
      if (indexOfPlane(survivor.id) === undefined) continue;
      const { config, isDraining } = survivor.state as FoundPlane;
      const isWanted = ({ name, host, port }: ListenerConfig): boolean =>
        !taken.has(name) &&
        config.listeners.some((other) => other.name === name && other.host === host && other.port === port);
      const wanted = new Set(listeners.filter(isWanted).map(({ name }) => name));
      if (isDraining || wanted.size === 0) continue;
      for (const [name, handle] of await takeSockets(survivor)) {
        if (wanted.has(name)) taken.set(name, handle);
        else handle.close();
      }
    }
    return taken;
  }

  /** This primary serves. */
  confirm(): void {
    this.predecessor?.send({ type: 'up', pid: this.deps.pid } satisfies SuccessorMessage, undefined, () => {
      this.predecessor?.close();
    });
  }

  /** Another one may become the primary. Idempotent. */
  close(): void {
    // In this order: the end of the channel tells the predecessor that this process is out of its way.
    this.point.close();
    this.predecessor?.close();
  }
}
