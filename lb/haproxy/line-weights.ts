/** One server from one run of ports. */
export interface WeighedLine {
  readonly server: string;
  /** Of the server, as the operator wants it: 0 to 256. */
  readonly weight: number;
  readonly free: number;
}

/** The highest that HAProxy knows. */
const MOST = 256;

/**
 * Weights of the lines, so that servers get their shares whatever the number of their lines, and each line of a server as much as it has
 * ports free. A line without a free port keeps the least weight: HAProxy passes it over by its `maxconn`, and a backend of which every line
 * had weight 0 would refuse at once what may wait.
 */
export function lineWeights(lines: readonly WeighedLine[]): number[] {
  const free = new Map<string, number>();
  for (const line of lines) free.set(line.server, (free.get(line.server) ?? 0) + line.free);
  const shares = lines.map(({ server, weight, free: own }) => (weight * own) / Math.max(1, free.get(server)!));
  const highest = Math.max(...shares, 0);
  return lines.map(({ weight }, i) => {
    if (weight === 0) return 0;
    return highest === 0 ? 1 : Math.max(1, Math.round((shares[i]! / highest) * MOST));
  });
}
