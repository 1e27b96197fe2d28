import type { PortMap } from './port-map.ts';

/** Chooses the source for one connection: the index of a map with a free port, or -1 if none has one. */
export type SourceStrategy = (maps: readonly PortMap[]) => number;

/** The source with most free ports to this destination: all run out together, as late as can be. */
export function mostFree(): SourceStrategy {
  return (maps) => {
    let best = -1;
    let most = 0;
    for (let i = 0; i < maps.length; i++) {
      const { free } = maps[i]!;
      if (free > most) {
        most = free;
        best = i;
      }
    }
    return best;
  };
}

/** One after the other, passing over those without a free port. */
export function roundRobin(): SourceStrategy {
  let next = 0;
  return (maps) => {
    for (let tried = 0; tried < maps.length; tried++) {
      const i = next;
      next = next + 1 === maps.length ? 0 : next + 1;
      if (maps[i]!.free > 0) return i;
    }
    return -1;
  };
}
