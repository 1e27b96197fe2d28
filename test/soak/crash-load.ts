import http from 'node:http';
import type { Socket } from 'node:net';

/** Between two requests of a client: the load is there to notice what fails, and leaves the machine to others. */
const PAUSE_MS = 2;

/** Clients, each on a connection of its own that stays, which know what a failure means by the port that they came from. */
export class CrashLoad {
  requests = 0;
  /** On connections of a process that was killed: they end with it. */
  excused = 0;
  /** Sent again, as a connection was closed before its answer began (RFC 9112 §9.3.1). */
  again = 0;
  readonly failures: string[] = [];
  /** Ports of clients whose connections were cut on purpose; of each the port is used once. */
  readonly cut = new Set<number>();
  private readonly port: number;
  private isOver = false;
  private readonly loops: readonly Promise<void>[];

  constructor(port: number, clients: number) {
    this.port = port;
    this.loops = Array.from({ length: clients }, () => this.loop());
  }

  private async loop(): Promise<void> {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    while (!this.isOver) {
      this.requests++;
      const { why, from, isReused } = await this.ask(agent);
      if (why !== undefined) {
        if (this.cut.has(from)) this.excused++;
        else if (isReused) this.again++;
        else this.failures.push(why);
      }
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
    agent.destroy();
  }

  private ask(
    agent: http.Agent,
  ): Promise<{ readonly why?: string; readonly from: number; readonly isReused: boolean }> {
    return new Promise((resolve) => {
      let from = 0;
      let hasBegun = false;
      const settle = (why?: string): void =>
        resolve({ ...(why === undefined ? {} : { why }), from, isReused: request.reusedSocket && !hasBegun });
      const request = http.get({ port: this.port, host: '127.0.0.1', agent }, (response) => {
        hasBegun = true;
        response.on('error', (error) => settle(`answer: ${error.message}`));
        response.on('end', () => settle(response.statusCode === 200 ? undefined : `status ${response.statusCode}`));
        response.resume();
      });
      request.on('socket', (socket: Socket) => {
        const note = (): void => {
          from = socket.localPort ?? 0;
        };
        if (socket.connecting) socket.once('connect', note);
        else note();
      });
      request.on('error', (error: NodeJS.ErrnoException) => settle(error.code ?? error.message));
    });
  }

  /** Resolves when the last answer is there. */
  async stop(): Promise<void> {
    this.isOver = true;
    await Promise.all(this.loops);
  }
}
