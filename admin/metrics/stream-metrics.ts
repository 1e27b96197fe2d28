import type { TrafficMetrics } from '../../lb/metrics/plane-metrics.ts';
import { counter, type Metric, type Sample } from './metric.ts';

/** Of the listeners that relay connections as they are. */
export function streamMetrics({ streams }: TrafficMetrics): Metric[] {
  return [
    counter(
      'portico_stream_connections_total',
      'Relayed connections that are over, by how they ended',
      streams.flatMap(({ listener, backend, outcomes }) =>
        outcomes.map(({ outcome, count }): Sample => [{ listener, backend, outcome }, count]),
      ),
    ),
    counter(
      'portico_stream_bytes_total',
      'Bytes of relayed connections, in from clients and out to them',
      streams.flatMap(({ listener, backend, bytesIn, bytesOut }): Sample[] => [
        [{ listener, backend, direction: 'in' }, bytesIn],
        [{ listener, backend, direction: 'out' }, bytesOut],
      ]),
    ),
  ];
}
