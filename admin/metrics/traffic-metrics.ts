import type { BackendState } from '../../lb/control/messages.ts';
import type { TrafficMetrics } from '../../lb/metrics/plane-metrics.ts';
import type { SourceStatus } from '../../lb/source/source-status.ts';
import type { SourceCounters, Status, Traffic } from '../admin-source.ts';
import { dnsMetrics } from './dns-metrics.ts';
import { counter, gauge, type Labels, type Metric, type Sample } from './metric.ts';
import { sourceMetrics } from './source-metrics.ts';
import { streamMetrics } from './stream-metrics.ts';
import { tlsMetrics } from './tls-metrics.ts';

export interface TrafficMetricsInput {
  /** All planes and engines added up, those that are gone too. */
  readonly sum: TrafficMetrics;
  /** Those alive, one by one. */
  readonly traffic: Traffic;
  readonly status: Status;
  readonly backends: readonly BackendState[];
  readonly sources: readonly SourceStatus[];
  readonly sourceCounters: SourceCounters;
}

/** The metrics of the data planes but for their ports. Two samples of a metric with the same labels are added up. */
export function trafficMetrics(input: TrafficMetricsInput): Metric[] {
  const { sum, traffic, status, backends } = input;
  const queues = sum.queues ?? [];
  const planes = [...traffic.planes];
  const workers = status.workers.flatMap(({ id, usage }) => (usage === undefined ? [] : [[id, usage] as const]));
  return [
    ...sourceMetrics(input),
    counter(
      'portico_source_exhausted_total',
      'Connections that found no free source port, by what became of them',
      sum.exhausted.map(({ pool, outcome, count }) => [{ pool, outcome }, count]),
    ),
    gauge(
      'portico_connections',
      'Open client connections',
      sum.listeners.map(({ listener, connections }) => [{ listener }, connections]),
    ),
    counter(
      'portico_connections_total',
      'Client connections accepted',
      sum.listeners.map(({ listener, connectionsTotal }) => [{ listener }, connectionsTotal]),
    ),
    gauge(
      'portico_websockets',
      'Open WebSockets',
      sum.listeners.map(({ listener, webSockets }) => [{ listener }, webSockets]),
    ),
    counter(
      'portico_requests_total',
      'Answers by status code; 499 is a client that left before its answer',
      sum.requests.flatMap(({ listener, backend, codes }) =>
        codes.map(({ code, count }): Sample => [{ listener, backend, code }, count]),
      ),
    ),
    counter(
      'portico_requests_rejected_total',
      'Requests and connections refused before a backend was chosen',
      sum.listeners.flatMap(({ listener, rejected }) =>
        rejected.map(({ reason, count }): Sample => [{ listener, reason }, count]),
      ),
    ),
    durations(sum),
    ...tlsMetrics(sum.tls ?? [], status),
    ...streamMetrics(sum),
    ...dnsMetrics(status.names ?? []),
    gauge(
      'portico_upstream_connections',
      'Connections to servers',
      sum.servers.flatMap(({ backend, server, active, idle }): Sample[] => [
        [{ backend, server, state: 'active' }, active],
        [{ backend, server, state: 'idle' }, idle],
      ]),
    ),
    counter(
      'portico_upstream_connects_total',
      'Connections to servers begun',
      sum.servers.map(({ backend, server, connectsTotal }) => [{ backend, server }, connectsTotal]),
    ),
    counter(
      'portico_upstream_connect_failures_total',
      'Connections to servers that the server or the network refused',
      sum.servers.map(({ backend, server, connectFailuresTotal }) => [{ backend, server }, connectFailuresTotal]),
    ),
    counter(
      'portico_upstream_answers_total',
      'Answers of servers that began',
      sum.servers.map(({ backend, server, answersTotal }) => [{ backend, server }, answersTotal]),
    ),
    counter(
      'portico_upstream_answer_seconds_total',
      'How long servers took to begin their answers, all together',
      sum.servers.map(({ backend, server, answerSeconds }) => [{ backend, server }, answerSeconds]),
    ),
    gauge(
      'portico_server_up',
      '1 if the server passes its health checks',
      backends.flatMap(({ name, servers }) =>
        servers.map(({ id, healthy }): Sample => [{ backend: name, server: id }, healthy ? 1 : 0]),
      ),
    ),
    gauge(
      'portico_server_ejected',
      'Data planes that keep requests from the server because of what became of earlier ones',
      sum.servers.map(({ backend, server, ejected }) => [{ backend, server }, ejected]),
    ),
    counter(
      'portico_server_ejections_total',
      'Times that a data plane began to keep requests from the server',
      sum.servers.map(({ backend, server, ejectionsTotal }) => [{ backend, server }, ejectionsTotal]),
    ),
    counter(
      'portico_retries_total',
      'Requests sent to another server after a failure',
      sum.retries.map(({ backend, reason, count }) => [{ backend, reason }, count]),
    ),
    counter(
      'portico_retries_refused_total',
      'Requests that were not tried again because the retry budget of their backend was spent',
      queues.map(({ backend, retriesRefused }) => [{ backend }, retriesRefused]),
    ),
    counter(
      'portico_hedges_total',
      'Second requests beside slow ones: sent, of those won by coming first, and refused for want of retry budget',
      (sum.hedges ?? []).map(({ backend, outcome, count }) => [{ backend, outcome }, count]),
    ),
    counter(
      'portico_mirrored_requests_total',
      'Copies of requests to the backend of a mirror: sent, of those failed without a whole answer, and dropped without being sent',
      (sum.mirrored ?? []).map(({ backend, outcome, count }) => [{ backend, outcome }, count]),
    ),
    gauge(
      'portico_backend_queue_depth',
      'Requests that wait because every server has as many as it may have',
      queues.map(({ backend, depth }) => [{ backend }, depth]),
    ),
    counter(
      'portico_backend_queue_total',
      'Requests that found every server with as many as it may have: that waited, waited too long, found the queue full, or were shed from one that stood',
      queues.flatMap(({ backend, queued, timeouts, refused, shed }): Sample[] => [
        [{ backend, outcome: 'queued' }, queued],
        [{ backend, outcome: 'timeout' }, timeouts],
        [{ backend, outcome: 'refused' }, refused],
        [{ backend, outcome: 'shed' }, shed],
      ]),
    ),
    gauge(
      'portico_queue_depth',
      'Requests that wait for a connection',
      sum.queueDepth.map(({ pool, depth }) => [{ pool }, depth]),
    ),
    counter(
      'portico_access_log_lines_total',
      'Lines of access logs, by what became of them; dropped is a disk that does not keep up, failed one that refuses',
      (sum.logs ?? []).map(({ log, outcome, count }) => [{ log, outcome }, count]),
    ),
    counter(
      'portico_plane_restarts_total',
      'Data planes started again after they died',
      status.planes.map(({ id, restarts }) => [{ plane: id }, restarts]),
    ),
    counter(
      'portico_worker_restarts_total',
      'Workers started again after they died',
      status.workers.map(({ id, restarts }) => [{ worker: id }, restarts]),
    ),
    gauge(
      'portico_plane_resident_memory_bytes',
      'Resident memory of a data plane',
      planes.map(([plane, { residentBytes }]) => [{ plane }, residentBytes]),
    ),
    counter(
      'portico_plane_cpu_seconds_total',
      'CPU time of a data plane since it started',
      planes.map(([plane, { cpuSeconds }]) => [{ plane }, cpuSeconds]),
    ),
    gauge(
      'portico_plane_event_loop_lag_seconds',
      'How late the event loop of a data plane ran, 99th percentile since the report before',
      planes.map(([plane, { eventLoopLagSeconds }]) => [{ plane }, eventLoopLagSeconds]),
    ),
    gauge(
      'portico_plane_descriptors',
      'Descriptors that a data plane has open; it accepts nothing when few are left',
      planes.flatMap(([plane, { pressure }]) => (pressure === undefined ? [] : [[{ plane }, pressure.descriptors]])),
    ),
    gauge(
      'portico_plane_descriptors_limit',
      'Descriptors that a data plane may have open',
      planes.flatMap(([plane, { pressure }]) =>
        pressure === undefined ? [] : [[{ plane }, pressure.descriptorLimit]],
      ),
    ),
    gauge(
      'portico_plane_memory_limit_bytes',
      'Resident memory that a data plane may have; near it clients and then requests are turned away',
      planes.flatMap(([plane, { pressure }]) =>
        pressure === undefined ? [] : [[{ plane }, pressure.memoryLimitBytes]],
      ),
    ),
    gauge(
      'portico_plane_accept_paused',
      '1 while a data plane accepts nothing for want of something',
      planes.flatMap(([plane, { pressure }]) => (pressure === undefined ? [] : [[{ plane }, pressure.isHeld ? 1 : 0]])),
    ),
    counter(
      'portico_plane_accept_pauses_total',
      'Times that a data plane stopped accepting, by what was short',
      planes.flatMap(([plane, { pressure }]) =>
        (pressure?.holds ?? []).map(({ reason, count }): Sample => [{ plane, reason }, count]),
      ),
    ),
    gauge(
      'portico_worker_resident_memory_bytes',
      'Resident memory of a worker',
      workers.map(([worker, { residentBytes }]) => [{ worker }, residentBytes]),
    ),
    counter(
      'portico_worker_cpu_seconds_total',
      'CPU time of a worker since it started',
      workers.map(([worker, { cpuSeconds }]) => [{ worker }, cpuSeconds]),
    ),
    gauge(
      'portico_worker_event_loop_lag_seconds',
      'How late the event loop of a worker ran, 99th percentile over a second',
      workers.map(([worker, { eventLoopLagSeconds }]) => [{ worker }, eventLoopLagSeconds]),
    ),
    gauge('portico_scrape_incomplete', '1 if a data plane did not report in time', [[{}, traffic.isComplete ? 0 : 1]]),
  ];
}

function durations(sum: TrafficMetrics): Metric {
  const samples: Sample[] = [];
  const suffixes: string[] = [];
  const add = (suffix: string, labels: Labels, value: number): void => {
    suffixes.push(suffix);
    samples.push([labels, value]);
  };
  for (const { listener, backend, duration } of sum.requests) {
    let cumulative = 0;
    [...duration.bounds, '+Inf'].forEach((bound, i) => {
      cumulative += duration.counts[i]!;
      // OpenMetrics wants bounds to look like floating point numbers.
      const le = Number.isInteger(bound) ? `${bound}.0` : bound;
      add('_bucket', { listener, backend, le }, cumulative);
    });
    add('_sum', { listener, backend }, duration.sum);
    add('_count', { listener, backend }, cumulative);
  }
  return {
    name: 'portico_request_duration_seconds',
    help: 'From the end of a request head to the end of its answer',
    type: 'histogram',

    samples,
    suffixes,
  };
}
