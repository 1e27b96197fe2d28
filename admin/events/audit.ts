import type { Actor } from '../actor.ts';
import type { EventFeed } from './event-feed.ts';

/** What an operator changed. Holds no secrets. */
export interface AuditedChange {
  /** What was done, such as `server.change`. */
  readonly action: string;
  /** To what, such as `app/10.0.0.5:9001`. */
  readonly target: string;
  /** As JSON; null where there was, or is, none. */
  readonly before: unknown;
  readonly after: unknown;
  /** Written to the config file too. */
  readonly isKept: boolean;
}

export interface AuditDeps {
  readonly feed: EventFeed;
  /** Appends the line where it lasts; absent: nowhere. Rejects when that fails. */
  readonly write?: ((line: string) => Promise<void>) | undefined;
}

/** Tells who changed what, in the events and in the log file. */
export class Audit {
  private readonly deps: AuditDeps;

  constructor(deps: AuditDeps) {
    this.deps = deps;
  }

  /** Resolves when the line is on the disk, or an alarm says that it is not: the change has been made, so it is no failure of it. */
  async record(actor: Actor, { action, target, before, after, isKept }: AuditedChange): Promise<void> {
    const { feed, write } = this.deps;
    const data = {
      who: actor.name,
      role: actor.role,
      from: actor.address,
      action,
      target,
      before,
      after,
      kept: isKept,
    };
    const message = `${actor.name} (${actor.address}): ${action} ${target}`;
    const { id, time } = feed.append({ type: 'change', severity: 'info', message, data });
    try {
      await write?.(`${JSON.stringify({ time, id, ...data })}\n`);
    } catch (error) {
      const why = (error as Error).message;
      feed.append({
        type: 'alarm',
        severity: 'error',
        message: `a change is not in the audit log: ${why}`,
        data: { kind: 'audit-log', event: id, reason: why },
      });
    }
  }
}
