import type { Config } from '../../config/config.ts';
import { backendsOf } from '../../config/route-config.ts';
import { runsInPlanes } from './plane-engines.ts';

/** Pools of sources that planes connect from, by the listeners that they serve. */
export function poolsOfPlanes({ listeners, backends }: Pick<Config, 'listeners' | 'backends'>): ReadonlySet<string> {
  const used = new Set(
    listeners
      .filter(({ engine }) => runsInPlanes(engine))
      .flatMap(({ routes }) => routes)
      .flatMap((route) => [...backendsOf(route), ...(route.mirror === undefined ? [] : [route.mirror.backend])]),
  );
  return new Set(backends.filter(({ name }) => used.has(name)).map(({ source }) => source));
}
