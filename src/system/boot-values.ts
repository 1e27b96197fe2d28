import { basename } from 'node:path';
import type { Machine } from './machine.ts';
import { SYSCTL_FILE } from './owned-files.ts';

/** In this order a file hides those of the same name after it (sysctl.d(5)). */
const FOLDERS = ['/etc/sysctl.d', '/run/sysctl.d', '/usr/local/lib/sysctl.d', '/usr/lib/sysctl.d', '/lib/sysctl.d'];

export interface BootValue {
  readonly value: string;
  readonly file: string;
  /** It is read after Portico's own file, which so has no say. */
  readonly isLast: boolean;
}

/**
 * What the files of others set a setting of the kernel to when the machine starts; undefined where none does, or Portico's own has the
 * last word. Patterns (`net.*.x`) are passed over: a name that is written out wins over them.
 */
export function readBootValue(machine: Machine, key: string): BootValue | undefined {
  const files = new Map<string, string>();
  for (const folder of FOLDERS) {
    for (const name of machine.list(folder)) {
      if (name.endsWith('.conf') && !files.has(name)) files.set(name, `${folder}/${name}`);
    }
  }
  const own = basename(SYSCTL_FILE);
  let found: { value: string; file: string } | undefined;
  for (const name of [...files.keys()].sort()) {
    const file = files.get(name)!;
    const value = parseSysctlConf(machine.read(file) ?? '').get(key);
    if (value !== undefined) found = { value, file };
  }
  if (found === undefined || basename(found.file) === own) return undefined;
  return { ...found, isLast: basename(found.file) > own };
}

/** Settings by name with dots; the last line of a name counts. */
export function parseSysctlConf(text: string): Map<string, string> {
  const values = new Map<string, string>();
  for (const line of text.split('\n')) {
    const match = /^\s*-?([A-Za-z0-9_./-]+)\s*=\s*(.*?)\s*$/.exec(line);
    if (match !== null) values.set(match[1]!.replaceAll('/', '.'), match[2]!);
  }
  return values;
}
