import { isDeepStrictEqual } from 'node:util';
import type { Config } from '../config/config.ts';
import type { FoundPlane } from '../lb/control/messages.ts';
import { planeShare } from '../lb/control/plane-share.ts';
import type { Survivor } from './survivors.ts';

export interface SortedPlanes {
  /** Those that go on as they are, by id. */
  readonly kept: ReadonlyMap<string, Survivor>;
  /** Those that others take the place of: of other code, with another config, or about to leave. */
  readonly retiring: readonly Survivor[];
}

/** What becomes of the planes that an earlier primary has left. */
export function sortPlanes(survivors: readonly Survivor[], config: Config, release: string): SortedPlanes {
  const kept = new Map<string, Survivor>();
  const retiring: Survivor[] = [];
  for (const survivor of survivors) {
    const index = indexOfPlane(survivor.id);
    if (index === undefined) continue;
    const found = survivor.state as FoundPlane;
    const isSame =
      survivor.release === release &&
      index < config.planes &&
      !kept.has(survivor.id) &&
      found.isReady &&
      !found.isDraining &&
      isDeepStrictEqual(found.config, planeShare(config, index));
    if (isSame) kept.set(survivor.id, survivor);
    else retiring.push(survivor);
  }
  return { kept, retiring };
}

export function planeId(index: number): string {
  return `plane-${index + 1}`;
}

/** Undefined for what is not the id of a plane. */
export function indexOfPlane(id: string): number | undefined {
  const match = /^plane-([0-9]+)$/.exec(id);
  return match === null ? undefined : Number(match[1]) - 1;
}

/** Of a plane that finishes what it has, beside another one of the same name. */
export function retiringId({ id, pid }: Survivor): string {
  return `${id}.${pid}`;
}
