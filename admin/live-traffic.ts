import type { TrafficMetrics } from '../lb/metrics/plane-metrics.ts';
import { sumTraffic } from '../lb/metrics/sum-plane-metrics.ts';
import type { Traffic } from './admin-source.ts';

/** What all that is alive counts and holds, wherever it runs. */
export function liveTraffic({ planes, primary }: Traffic): TrafficMetrics {
  return sumTraffic(primary === undefined ? [...planes.values()] : [...planes.values(), primary]);
}
