/** Memory of one process at one moment: all that is resident, or JavaScript's heap. */
export interface MemorySample {
  /** `primary`, `plane-1`, `worker-workers-1`; one name may be several processes, one after the other. */
  readonly name: string;
  readonly pid: number;
  readonly atMs: number;
  readonly bytes: number;
}

export interface Trend {
  readonly name: string;
  readonly pid: number;
  readonly samples: number;
  readonly minutes: number;
  readonly medianBytes: number;
  readonly bytesPerHour: number;
  /** Half of the interval that the slope is in with 95 %: 1.96 standard errors, on a third as many independent samples. */
  readonly uncertainty: number;
  /** It cannot be told from zero, or is less than a twentieth of the memory in an hour. */
  readonly isFlat: boolean;
}

const HOUR_MS = 3_600_000;
/** Samples one after the other are alike: they say less than as many independent ones. */
const INDEPENDENT_SHARE = 1 / 3;
const FLAT_SHARE = 0.05;
const FEWEST = 10;

/** Least squares through the samples of each process that has at least ten, in the order of names. */
export function memoryTrends(samples: readonly MemorySample[]): readonly Trend[] {
  return byProcess(samples)
    .filter((own) => own.length >= FEWEST)
    .map(trendOf)
    .sort((a, b) => a.name.localeCompare(b.name) || a.pid - b.pid);
}

/** The samples of each process, in the order in which processes came. */
export function byProcess(samples: readonly MemorySample[]): readonly (readonly MemorySample[])[] {
  const processes = new Map<number, MemorySample[]>();
  for (const sample of samples) processes.set(sample.pid, [...(processes.get(sample.pid) ?? []), sample]);
  return [...processes.values()];
}

function trendOf(own: readonly MemorySample[]): Trend {
  const n = own.length;
  const hours = own.map(({ atMs }) => atMs / HOUR_MS);
  const meanHours = mean(hours);
  const meanBytes = mean(own.map(({ bytes }) => bytes));
  const spread = hours.reduce((sum, each) => sum + (each - meanHours) ** 2, 0);
  const bytesPerHour =
    own.reduce((sum, { bytes }, i) => sum + (hours[i]! - meanHours) * (bytes - meanBytes), 0) / spread;
  const residual = own.reduce(
    (sum, { bytes }, i) => sum + (bytes - meanBytes - bytesPerHour * (hours[i]! - meanHours)) ** 2,
    0,
  );
  const standardError = Math.sqrt(residual / (n - 2) / spread / INDEPENDENT_SHARE);
  const medianBytes = own.map(({ bytes }) => bytes).sort((a, b) => a - b)[Math.floor(n / 2)]!;
  const uncertainty = 1.96 * standardError;
  return {
    name: own[0]!.name,
    pid: own[0]!.pid,
    samples: n,
    minutes: ((own.at(-1)!.atMs - own[0]!.atMs) / HOUR_MS) * 60,
    medianBytes,
    bytesPerHour,
    uncertainty,
    isFlat: Math.abs(bytesPerHour) <= Math.max(uncertainty, FLAT_SHARE * medianBytes),
  };
}

const mean = (values: readonly number[]): number => values.reduce((sum, each) => sum + each, 0) / values.length;
