import { isDeepStrictEqual } from 'node:util';
import type { Config } from './config.ts';

/**
 * `after`, made of the objects of `before` wherever they say the same: whoever has worked by `before` sees by a look at the object what has
 * changed.
 */
export function keepUnchanged(before: Config, after: Config): Config {
  const lists = {
    sources: keepItems(before.sources, after.sources),
    listeners: keepItems(before.listeners, after.listeners),
    backends: keepItems(before.backends, after.backends),
  };
  const merged = Object.fromEntries(
    Object.entries({ ...after, ...lists }).map(([key, value]) => {
      const known = before[key as keyof Config];
      return [key, isDeepStrictEqual(known, value) ? known : value];
    }),
  );
  return merged as unknown as Config;
}

function keepItems<T extends { readonly name: string }>(before: readonly T[], after: readonly T[]): readonly T[] {
  const known = new Map(before.map((item) => [item.name, item]));
  const items = after.map((item) => {
    const same = known.get(item.name);
    return isDeepStrictEqual(same, item) ? same! : item;
  });
  return items.length === before.length && items.every((item, i) => item === before[i]) ? before : items;
}
