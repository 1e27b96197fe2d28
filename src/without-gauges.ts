import type { PlaneMetrics } from '../lb/metrics/plane-metrics.ts';

/** What a process had counted that is gone; its gauges went with it. */
export function withoutGauges(last: PlaneMetrics): PlaneMetrics {
  return {
    ...last,
    listeners: last.listeners.map((listener) => ({ ...listener, connections: 0, webSockets: 0 })),
    queues: last.queues?.map((queue) => ({ ...queue, depth: 0 })) ?? [],
    servers: last.servers.map((server) => ({ ...server, active: 0, idle: 0, ejected: 0 })),
    ports: [],
    queueDepth: [],
  };
}
