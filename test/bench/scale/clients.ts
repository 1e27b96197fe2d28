import type { ChildProcess } from 'node:child_process';
import { nextMessage } from '../children.ts';
import type { HolderEvent } from './client.ts';
import type { Namespace } from './namespace.ts';

export interface Tally {
  readonly open: number;
  readonly failed: number;
  readonly broken: number;
  readonly isDone: boolean;
}

/** The processes that hold the clients' ends. */
export class Clients {
  private readonly children: ChildProcess[];
  private readonly tallies: { open: number; failed: number; broken: number; isDone: boolean }[];
  readonly failures: Record<string, number> = {};

  /** `shares`: the local address and the number of connections of each process. */
  constructor(
    namespace: Namespace,
    target: { readonly host: string; readonly port: number },
    shares: readonly (readonly [address: string, count: number])[],
  ) {
    this.tallies = shares.map(() => ({ open: 0, failed: 0, broken: 0, isDone: false }));
    this.children = shares.map(([address, count], i) => {
      const module = new URL('./client.js', import.meta.url);
      const child = namespace.fork(module, target.host, String(target.port), address, String(count));
      child.on('message', (event: HolderEvent) => this.take(this.tallies[i]!, event));
      child.on('exit', () => {
        this.tallies[i]!.isDone = true;
      });
      return child;
    });
  }

  get tally(): Tally {
    const sum = (of: (tally: Tally) => number): number => this.tallies.reduce((total, tally) => total + of(tally), 0);
    return {
      open: sum(({ open }) => open),
      failed: sum(({ failed }) => failed),
      broken: sum(({ broken }) => broken),
      isDone: this.tallies.every(({ isDone }) => isDone),
    };
  }

  /** Resolves when the clients' ends are closed. */
  async closeAll(): Promise<void> {
    await Promise.all(
      this.children.map(async (child) => {
        child.send('close');
        while ((await nextMessage<HolderEvent>(child)).type !== 'closed');
      }),
    );
  }

  private take(tally: { open: number; failed: number; broken: number; isDone: boolean }, event: HolderEvent): void {
    switch (event.type) {
      case 'progress':
        tally.open = event.open;
        tally.failed = event.failed;
        tally.broken = event.broken;
        return;
      case 'opened':
        tally.open = event.open;
        tally.isDone = true;
        tally.failed = Object.values(event.failures).reduce((sum, count) => sum + count, 0);
        for (const [reason, count] of Object.entries(event.failures)) {
          this.failures[reason] = (this.failures[reason] ?? 0) + count;
        }
        return;
      case 'closed':
        tally.open = 0;
        return;
      default:
        event satisfies never;
    }
  }
}
