import type { AdminSource } from '../admin/admin-source.ts';
import type { ConfigSource } from '../admin/config-source.ts';
import { EventFeed } from '../admin/events/event-feed.ts';
import { AdminServer } from '../admin/server.ts';
import type { AdminConfig } from '../config/config.ts';
import type { Clock } from '../lb/clock.ts';
import { adminEventOf } from './admin-events.ts';
import type { EventLog } from './event-log.ts';

export interface CreateAdminServerDeps {
  readonly clock: Clock;
  /** Milliseconds since 1970. */
  readonly epochMs: () => number;
  readonly log: EventLog;
  /** Absent: there is no config file. */
  readonly config?: ConfigSource | undefined;
}

/** The admin server of a primary, with what is logged as its events. */
export function createAdminServer(
  { clock, epochMs, log, config: file }: CreateAdminServerDeps,
  source: AdminSource,
  config: AdminConfig,
): AdminServer {
  const events = new EventFeed({ epochMs });
  log.subscribe((event) => {
    const told = adminEventOf(event);
    if (told !== undefined) events.append(told);
  });
  return new AdminServer({ source, clock, epochMs, events, config: file }, config, {
    onError: (error) =>
      log.emit({ type: 'admin-error', message: error instanceof Error ? error.message : String(error) }),
  });
}
