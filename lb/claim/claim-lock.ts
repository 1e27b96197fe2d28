import net from 'node:net';

/**
 * One Portico at a time claims addresses on an interface: what another one left behind is taken over, so there must be no other. The lock
 * is an abstract unix socket, which belongs to the network namespace and goes with the process, however that ends.
 */
export class ClaimLock {
  private readonly server = net.createServer((socket) => socket.end(`${process.pid}\n`).on('error', () => {}));

  /** Resolves with undefined when the lock is ours, or with the process that has it, where that says so. */
  take(name: string): Promise<{ readonly holder: string } | undefined> {
    const path = `\0portico-claim-${name}`;
    return new Promise((resolve, reject) => {
      this.server.once('error', (error: NodeJS.ErrnoException) => {
        if (error.code === 'EADDRINUSE') void askHolder(path).then((holder) => resolve({ holder }));
        else reject(error);
      });
      this.server.listen(path, () => {
        this.server.unref();
        resolve(undefined);
      });
    });
  }

  /** Idempotent. */
  release(): void {
    if (this.server.listening) this.server.close();
  }
}

function askHolder(path: string): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    const socket = net.connect({ path });
    socket.on('data', (data) => {
      text += data.toString();
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(text.trim() === '' ? 'another process' : `process ${text.trim()}`));
  });
}
