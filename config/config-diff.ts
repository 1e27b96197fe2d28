import { isDeepStrictEqual } from 'node:util';
import type { BackendConfig, Config, ListenerConfig, SourcePoolConfig } from './config.ts';

/** How one list of named things becomes another. */
export interface ListDiff<T> {
  readonly added: readonly T[];
  readonly removed: readonly T[];
  readonly changed: readonly { readonly before: T; readonly after: T }[];
  /** All names afterwards, in order. */
  readonly order: readonly string[];
}

type Settings = Omit<Config, 'sources' | 'listeners' | 'backends'>;

/** What has to happen for one config to become another; things are known by their names. */
export interface ConfigDiff {
  readonly sources: ListDiff<SourcePoolConfig>;
  readonly listeners: ListDiff<ListenerConfig>;
  readonly backends: ListDiff<BackendConfig>;
  /** Of the keys that are no lists, those that are different, as they are afterwards; undefined: absent. */
  readonly settings: ReadonlyMap<keyof Settings, unknown>;
}

export function diffConfigs(before: Config, after: Config): ConfigDiff {
  return {
    sources: diffLists(before.sources, after.sources),
    listeners: diffLists(before.listeners, after.listeners),
    backends: diffLists(before.backends, after.backends),
    settings: diffSettings(settingsOf(before), settingsOf(after)),
  };
}

function diffLists<T extends { readonly name: string }>(before: readonly T[], after: readonly T[]): ListDiff<T> {
  const old = new Map(before.map((item) => [item.name, item]));
  const names = new Set(after.map(({ name }) => name));
  return {
    added: after.filter(({ name }) => !old.has(name)),
    removed: before.filter(({ name }) => !names.has(name)),
    changed: after.flatMap((item) => {
      const known = old.get(item.name);
      return known === undefined || isDeepStrictEqual(known, item) ? [] : [{ before: known, after: item }];
    }),
    order: after.map(({ name }) => name),
  };
}

function settingsOf({ sources: _, listeners: __, backends: ___, ...settings }: Config): Settings {
  return settings;
}

function diffSettings(before: Settings, after: Settings): ConfigDiff['settings'] {
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])] as (keyof Settings)[];
  return new Map(keys.filter((key) => !isDeepStrictEqual(before[key], after[key])).map((key) => [key, after[key]]));
}

/** The config that `diff` leads to from the one that it was made from. */
export function applyDiff({ sources, listeners, backends, ...settings }: Config, diff: ConfigDiff): Config {
  const changed = Object.entries({ ...settings, ...Object.fromEntries(diff.settings) });
  return {
    ...Object.fromEntries(changed.filter(([, value]) => value !== undefined)),
    sources: applyList(sources, diff.sources),
    listeners: applyList(listeners, diff.listeners),
    backends: applyList(backends, diff.backends),
  } as unknown as Config;
}

function applyList<T extends { readonly name: string }>(before: readonly T[], diff: ListDiff<T>): readonly T[] {
  const items = new Map(before.map((item) => [item.name, item]));
  for (const { name } of diff.removed) items.delete(name);
  for (const item of [...diff.added, ...diff.changed.map(({ after }) => after)]) items.set(item.name, item);
  return diff.order.map((name) => items.get(name)!);
}

export function isEmptyDiff({ sources, listeners, backends, settings }: ConfigDiff): boolean {
  const isEmpty = ({ added, removed, changed }: ListDiff<unknown>): boolean =>
    added.length + removed.length + changed.length === 0;
  return isEmpty(sources) && isEmpty(listeners) && isEmpty(backends) && settings.size === 0;
}
