import type { BackendState } from '../lb/control/messages.ts';
import type { TrafficMetrics } from '../lb/metrics/plane-metrics.ts';

export interface BackendSummary {
  readonly name: string;
  readonly servers: number;
  /** Healthy, and wanted by the operator. */
  readonly available: number;
  readonly unhealthy: number;
  readonly drain: number;
  readonly maintenance: number;
  /** Kept from requests by a plane because of what became of earlier ones. */
  readonly ejected: number;
  readonly active: number;
  readonly idle: number;
  /** Requests that wait for a server. */
  readonly queued: number;
  readonly connect_failures_total: number;
  readonly retries_total: number;
  /** The first of the servers that are not healthy. */
  readonly trouble: { id: string; reason: string }[];
}

const MAX_TROUBLE = 5;

/** A backend in a few numbers, however many servers it has. `live` is the sum of what is alive, `whole` of all that ever counted. */
export function summarizeBackend(
  { name, servers }: BackendState,
  live: TrafficMetrics,
  whole: TrafficMetrics,
): BackendSummary {
  const own = live.servers.filter(({ backend }) => backend === name);
  const unhealthy = servers.filter(({ healthy, admin }) => !healthy && admin !== 'maintenance');
  const sum = <T>(items: readonly T[], of: (item: T) => number): number =>
    items.reduce((all, item) => all + of(item), 0);
  return {
    name,
    servers: servers.length,
    available: servers.filter(({ healthy, admin }) => healthy && admin === 'ready').length,
    unhealthy: unhealthy.length,
    drain: servers.filter(({ admin }) => admin === 'drain').length,
    maintenance: servers.filter(({ admin }) => admin === 'maintenance').length,
    ejected: own.filter(({ ejected }) => ejected > 0).length,
    active: sum(own, ({ active }) => active),
    idle: sum(own, ({ idle }) => idle),
    queued: live.queues?.find(({ backend }) => backend === name)?.depth ?? 0,
    connect_failures_total: sum(
      whole.servers.filter(({ backend }) => backend === name),
      ({ connectFailuresTotal }) => connectFailuresTotal,
    ),
    retries_total: sum(
      whole.retries.filter(({ backend }) => backend === name),
      ({ count }) => count,
    ),
    trouble: unhealthy
      .slice(0, MAX_TROUBLE)
      .map(({ id, reason }) => ({ id, reason: reason ?? 'no check has passed yet' })),
  };
}
