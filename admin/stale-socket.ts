import { lstatSync, rmSync } from 'node:fs';
import { connect } from 'node:net';

/**
 * Removes the socket file at `path` if nobody listens on it: a process that was killed leaves its own behind, and the next could not bind.
 * Anything else that is there stays. Resolves when it is known.
 */
export function removeStaleSocket(path: string): Promise<void> {
  if (lstatSync(path, { throwIfNoEntry: false })?.isSocket() !== true) return Promise.resolve();
  return new Promise((resolve) => {
    const socket = connect({ path });
    socket.once('connect', () => {
      socket.destroy();
      resolve();
    });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED') rmSync(path, { force: true });
      resolve();
    });
  });
}
