import type { PlaneMetrics, PortMetrics } from '../metrics/plane-metrics.ts';

/** As PlaneMetrics, for the way between processes: there is a row of ports for each source and destination, which may be millions. */
export type PackedMetrics = Omit<PlaneMetrics, 'ports'> & { readonly ports: PackedPorts };

export interface PackedPorts {
  /** Each text once. */
  readonly texts: readonly string[];
  /** Of each row: the places of its pool, source and destination among the texts, then its numbers in the order of `NUMBERS`. */
  readonly numbers: Float64Array;
}

const TEXTS = ['pool', 'source', 'destination'] as const;
const NUMBERS = ['leases', 'free', 'used', 'quarantined', 'unusable'] as const;
const WIDTH = TEXTS.length + NUMBERS.length;

/** To serialise rows as objects takes three times as long, and leaves three new texts for each. */
export function packMetrics({ ports, ...metrics }: PlaneMetrics): PackedMetrics {
  const places = new Map<string, number>();
  const numbers = new Float64Array(ports.length * WIDTH);
  let at = 0;
  for (const row of ports) {
    for (const text of TEXTS) {
      let place = places.get(row[text]);
      if (place === undefined) {
        place = places.size;
        places.set(row[text], place);
      }
      numbers[at++] = place;
    }
    for (const number of NUMBERS) numbers[at++] = row[number];
  }
  return { ...metrics, ports: { texts: [...places.keys()], numbers } };
}

export function unpackMetrics({ ports: { texts, numbers }, ...metrics }: PackedMetrics): PlaneMetrics {
  const ports: PortMetrics[] = [];
  for (let at = 0; at < numbers.length; at += WIDTH) {
    ports.push({
      pool: texts[numbers[at]!]!,
      source: texts[numbers[at + 1]!]!,
      destination: texts[numbers[at + 2]!]!,
      leases: numbers[at + 3]!,
      free: numbers[at + 4]!,
      used: numbers[at + 5]!,
      quarantined: numbers[at + 6]!,
      unusable: numbers[at + 7]!,
    });
  }
  return { ...metrics, ports };
}
