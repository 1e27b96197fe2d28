import { type Machine, normalise, sysctlPath } from './machine.ts';
import { OWNED_FILES } from './owned-files.ts';
import { errnoOf, SystemError } from './system-error.ts';

/** Something that is changed and put back. */
export type Item =
  | { readonly kind: 'sysctl'; readonly key: string }
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'directory'; readonly path: string };

/** A value, or the whole text of a file; null for what is not there. */
export type ItemValue = string | null;

export const PRESENT = 'present';

const PARTIAL = '.portico-new';
const DIRECTORIES = new Set(OWNED_FILES.map((path) => path.slice(0, path.lastIndexOf('/'))));

export function nameOf(item: Item): string {
  return item.kind === 'sysctl' ? item.key : item.path;
}

/** Whether it is one that Portico would have written: what comes from a file is not trusted to say so. */
export function isKnown(item: Item): boolean {
  switch (item.kind) {
    case 'sysctl':
      return /^(net|fs)(\.[A-Za-z0-9_-]+)+$/.test(item.key);
    case 'file':
      return OWNED_FILES.includes(item.path);
    case 'directory':
      return DIRECTORIES.has(item.path);
    default:
      return item satisfies never;
  }
}

export function isWritable(machine: Machine, item: Item): boolean {
  return machine.isWritable(item.kind === 'sysctl' ? sysctlPath(item.key) : item.path);
}

export function readItem(machine: Machine, item: Item): ItemValue {
  switch (item.kind) {
    case 'sysctl':
      return machine.read(sysctlPath(item.key))?.replace(/\n$/, '') ?? null;
    case 'file':
      return machine.read(item.path) ?? null;
    case 'directory':
      return machine.exists(item.path) ? PRESENT : null;
    default:
      return item satisfies never;
  }
}

/** The kernel gives numbers with tabs between them, whatever they were set with. */
export function isSameValue(item: Item, a: ItemValue, b: ItemValue): boolean {
  return a === b || (item.kind === 'sysctl' && a !== null && b !== null && normalise(a) === normalise(b));
}

/** Done or not done when it returns or throws; also after a crash, but for a partial file beside it, which the next write removes. */
export function writeItem(machine: Machine, item: Item, value: ItemValue): void {
  if (item.kind === 'sysctl') setSysctl(machine, item.key, value);
  else if (item.kind === 'file') replaceFile(machine, item.path, value);
  else if (value === null) removeIfEmpty(machine, item.path);
  else machine.makeDirectory(item.path);
}

function replaceFile(machine: Machine, path: string, text: ItemValue): void {
  const partial = path + PARTIAL;
  machine.remove(partial);
  if (text === null) {
    machine.remove(path);
    return;
  }
  try {
    machine.create(partial, text);
    machine.rename(partial, path);
  } catch (error) {
    machine.remove(partial);
    throw error;
  }
}

function setSysctl(machine: Machine, key: string, value: ItemValue): void {
  // A setting that went with its module cannot be set, and has nothing to be put back.
  if (value === null) return;
  try {
    machine.setSysctl(key, value);
  } catch (cause) {
    throw new SystemError('SYSTEM_REFUSED', `the kernel refused ${key} = ${value} (${errnoOf(cause)})`, { cause });
  }
  const taken = machine.sysctl(key);
  if (taken !== normalise(value)) {
    throw new SystemError('SYSTEM_REFUSED', `the kernel took ${key} = ${value} as ${taken ?? 'nothing'}`);
  }
}

function removeIfEmpty(machine: Machine, path: string): void {
  try {
    machine.removeDirectory(path);
  } catch (error) {
    // Somebody else has put something there: it is theirs now.
    if (!['ENOTEMPTY', 'ENOENT'].includes(errnoOf(error))) throw error;
  }
}
