import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { OtherEngine } from './lab-listener.ts';
import type { LoadCommand, LoadCounts, LoadEvent } from './load-main.ts';
import type { Failure } from './oracle.ts';

const MAIN = fileURLToPath(new URL('./load-main.js', import.meta.url));

export interface LoadOptions {
  /** Those besides http that have a listener. */
  readonly engines: readonly OtherEngine[];
  readonly clients: number;
  /** Mean pause of a client between two requests. */
  readonly pauseMs: number;
  readonly webSockets: number;
}

/** The clients, in a process of their own, and what they found wrong. */
export class Load {
  readonly failures: Failure[] = [];
  readonly child: ChildProcess;
  private readonly waiters = new Map<LoadEvent['type'], (event: LoadEvent) => void>();

  constructor({ engines, clients, pauseMs, webSockets }: LoadOptions) {
    this.child = fork(MAIN, [...[clients, pauseMs, webSockets].map(String), ...engines]);
    this.child.on('message', (event: LoadEvent) => {
      if (event.type === 'failure') this.failures.push(event.failure);
      else this.waiters.get(event.type)?.(event);
    });
  }

  private send(command: LoadCommand): void {
    this.child.send(command);
  }

  private next(type: LoadEvent['type']): Promise<LoadEvent> {
    return new Promise((resolve, reject) => {
      const onExit = (): void => reject(new Error('the clients have ended'));
      this.child.once('exit', onExit);
      this.waiters.set(type, (event) => {
        this.child.off('exit', onExit);
        resolve(event);
      });
    });
  }

  /** Answers from now on have to be of this config or a later one. */
  expectGeneration(generation: number): void {
    this.send({ type: 'generation', generation });
  }

  async counts(): Promise<LoadCounts> {
    const counts = this.next('counts');
    this.send({ type: 'count' });
    return (await counts) as LoadCounts & LoadEvent;
  }

  /** Resolves when the last answer has come and the last WebSocket is closed. The process is there until `end`. */
  async stop(): Promise<void> {
    const stopped = this.next('stopped');
    this.send({ type: 'stop' });
    await stopped;
  }

  end(): void {
    this.child.kill('SIGKILL');
  }
}
