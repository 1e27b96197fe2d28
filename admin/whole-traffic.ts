import type { TrafficMetrics } from '../lb/metrics/plane-metrics.ts';
import { sumTraffic } from '../lb/metrics/sum-plane-metrics.ts';
import type { Traffic } from './admin-source.ts';

/** All that was ever counted, also by planes that are gone: for counters, which must not go down. `live` is what is alive, added up. */
export function wholeTraffic({ retired }: Traffic, live: TrafficMetrics): TrafficMetrics {
  return retired === undefined ? live : sumTraffic([live, retired]);
}
