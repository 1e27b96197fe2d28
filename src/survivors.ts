import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../lb/clock.ts';
import { type Channel, openChannel } from '../lb/control/channel.ts';
import type { HostCommand, HostEvent } from '../lb/control/host-messages.ts';
import { parseSocketName } from '../lb/control/socket-path.ts';
import type { PipeBinding } from '../lb/net/pipe-binding.ts';
import type { TcpHandle } from '../lb/net/tcp-binding.ts';

/** A process that an earlier primary has left and that still does its work. It says nothing more until it is told to join. */
export interface Survivor {
  readonly id: string;
  readonly pid: number;
  readonly channel: Channel;
  readonly release: string;
  readonly memo: unknown;
  /** As the process described itself; its work says what is in it. */
  readonly state: unknown;
}

export interface SurvivorDeps {
  readonly clock: Clock;
  readonly binding: PipeBinding;
  readonly onNotice: (message: string) => void;
}

/** One that is stopped, or hangs, does not answer by then. */
const ANSWER_MS = 3000;

/**
 * The processes that can be met in the directory. One that does not answer is killed, so that nobody goes on with ports that this primary
 * does not know of; what is no process any more is removed.
 */
export async function findSurvivors(deps: SurvivorDeps, directory: string): Promise<readonly Survivor[]> {
  const found = await Promise.all(
    readdirSync(directory).map((name) => {
      const named = parseSocketName(name);
      return named === undefined ? undefined : meet(deps, join(directory, name), named);
    }),
  );
  return found.filter((survivor) => survivor !== undefined);
}

async function meet(
  deps: SurvivorDeps,
  path: string,
  { id, pid }: { readonly id: string; readonly pid: number },
): Promise<Survivor | undefined> {
  let channel: Channel;
  try {
    channel = await openChannel(deps.binding, path);
  } catch {
    rmSync(path, { force: true });
    return undefined;
  }
  const answer = await firstMessage(deps.clock, channel);
  if (answer?.type === 'found') {
    const { release, memo, state } = answer;
    return { id, pid, channel, release, memo, state };
  }
  // A process that has not begun anything leaves by itself when its channel ends.
  if (answer === undefined) await kill(deps, id, pid, channel);
  channel.close();
  rmSync(path, { force: true });
  return undefined;
}

/** Undefined when none has come in time. */
function firstMessage(clock: Clock, channel: Channel): Promise<HostEvent | undefined> {
  return new Promise((resolve) => {
    const settle = (event: HostEvent | undefined): void => {
      clock.clear(timer);
      resolve(event);
    };
    const timer = clock.after(ANSWER_MS, () => settle(undefined));
    channel.onMessage = (message) => settle(message as HostEvent);
    channel.onClose = () => settle({ type: 'hello' });
  });
}

function kill({ clock, onNotice }: SurvivorDeps, id: string, pid: number, channel: Channel): Promise<void> {
  onNotice(`${id} (process ${pid}) of an earlier run did not answer and was killed`);
  return new Promise((resolve) => {
    // A process that waits for a disk cannot be killed; its ports stay as they are in the kernel, where the audit finds them.
    const timer = clock.after(ANSWER_MS, resolve);
    channel.onClose = () => {
      clock.clear(timer);
      resolve();
    };
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // Gone meanwhile.
    }
  });
}

/** The sockets that it accepts from, by listener. Whoever gets them closes them. */
export function takeSockets({ channel }: Survivor): Promise<ReadonlyMap<string, TcpHandle>> {
  return new Promise((resolve) => {
    const sockets = new Map<string, TcpHandle>();
    channel.onClose = () => resolve(sockets);
    channel.onMessage = (message, socket) => {
      const event = message as HostEvent;
      if (event.type === 'socket' && socket !== undefined) sockets.set(event.listener, socket);
      else if (event.type === 'sockets-end') resolve(sockets);
    };
    channel.send({ type: 'sockets' } satisfies HostCommand);
  });
}
