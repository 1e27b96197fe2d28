import type { SourceState, SourceStatus } from '../../lb/source/source-status.ts';
import type { SourceCounters } from '../admin-source.ts';
import { counter, gauge, type Metric, type Sample } from './metric.ts';

const STATES: readonly SourceState['kind'][] = ['ready', 'claiming', 'draining', 'lost', 'refused'];

export interface SourceMetricsInput {
  readonly sources: readonly SourceStatus[];
  readonly sourceCounters: SourceCounters;
}

/** Of source addresses: what becomes of them. */
export function sourceMetrics({ sources, sourceCounters }: SourceMetricsInput): Metric[] {
  return [
    gauge(
      'portico_source_state',
      '1 for the state that a source is in',
      sources.flatMap(({ pool, address, state }) =>
        STATES.map((kind): Sample => [{ pool, source: address, state: kind }, state.kind === kind ? 1 : 0]),
      ),
    ),
    counter(
      'portico_source_drift_total',
      'Ports of which the kernel knew otherwise than the port map: lost, a lease without a socket; foreign, held by another program',
      Object.entries(sourceCounters.drift).map(([kind, count]) => [{ kind }, count]),
    ),
    counter(
      'portico_source_claims_total',
      'Claims of source addresses, by result',
      Object.entries(sourceCounters.claims).map(([result, count]) => [{ result }, count]),
    ),
  ];
}
