import type { SystemSummary } from '../system-source.ts';
import { gauge, type Metric, type Sample } from './metric.ts';

/** What of the machine is not as the balancer needs it. */
export function systemMetrics({ findings, capacity }: SystemSummary): Metric[] {
  return [
    gauge(
      'portico_system_findings',
      'Settings of the machine that stand in the way of many connections',
      Object.entries(findings).map(([severity, count]): Sample => [{ severity }, count]),
    ),
    gauge(
      'portico_system_capacity_connections',
      'How many connections the machine could hold, by what stops them',
      Object.entries(capacity).map(([limit, connections]): Sample => [{ limit }, connections]),
    ),
  ];
}
