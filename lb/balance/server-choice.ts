import type { Policy } from './policy.ts';
import { type Member, ServerPool, type ServerPoolOptions } from './server-pool.ts';

type Pooled<S extends Member> = Parameters<ServerPool<S>['update']>[0];

export interface ServerChoiceDeps<S extends Member> {
  readonly policy: Policy<S>;
  readonly random: () => number;
  readonly now: () => number;
  /** There may be a server now for what waits. */
  readonly onRoom: () => void;
}

/** Chooses among the servers of a backend that are fit for what comes, by its policy. */
export class ServerChoice<S extends Member & { readonly isFull: boolean }> {
  /** Servers that may get something new. Replaced, never changed. */
  available: readonly S[] = [];
  private policy: Policy<S>;
  private readonly now: () => number;
  private readonly pool: ServerPool<S>;
  private readonly context: {
    hashKey: string | undefined;
    available: readonly S[];
    nowMs: number;
    readonly random: () => number;
  };

  constructor({ policy, random, now, onRoom }: ServerChoiceDeps<S>, options: ServerPoolOptions) {
    this.policy = policy;
    this.now = now;
    this.context = { hashKey: undefined, available: [], nowMs: 0, random };
    this.pool = new ServerPool(
      {
        random,
        now,
        onChange: (available) => {
          this.available = available;
          this.context.available = available;
          onRoom();
        },
      },
      options,
    );
  }

  /** From now on; an `update` has to follow. Without a policy the one that is there goes on. */
  configure(policy: Policy<S> | undefined, options: ServerPoolOptions): void {
    this.policy = policy ?? this.policy;
    this.pool.configure(options);
  }

  /** Replaces the servers, and all that the primary says of them. */
  update(servers: Pooled<S>): void {
    this.pool.update(servers);
  }

  /** Whether what belongs to a session on that server may go there. */
  keepsSessions(server: S): boolean {
    return this.pool.keepsSessions(server);
  }

  /** Undefined if each is full or among those that were tried. `policy`: instead of the backend's own. */
  pick(hashKey: string | undefined, tried: readonly S[] | undefined, policy = this.policy): S | undefined {
    const { available, context } = this;
    context.hashKey = hashKey;
    context.nowMs = this.now();
    const hasTried = tried !== undefined && tried.length > 0;
    if (!hasTried && !available.some(isFull)) return policy(available, context);
    return policy(
      available.filter((server) => !server.isFull && !(hasTried && tried.includes(server))),
      context,
    );
  }

  /** Called by the plane's tick. */
  tick(nowMs: number): void {
    this.pool.tick(nowMs);
  }
}

function isFull(server: { readonly isFull: boolean }): boolean {
  return server.isFull;
}
