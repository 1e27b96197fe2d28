import { dirname } from 'node:path';
import { parseSysctlConf } from './boot-values.ts';
import { type Item, type ItemValue, isSameValue, PRESENT, readItem } from './item.ts';
import type { Journal, Step } from './journal.ts';
import type { Machine } from './machine.ts';
import { normalise } from './machine.ts';
import {
  LIMITS_FILE,
  linesOf,
  renderLimitsFile,
  renderServiceFile,
  renderSysctlFile,
  SERVICE_FILE,
  SYSCTL_FILE,
} from './owned-files.ts';
import type { Change } from './setting.ts';
import { SystemError } from './system-error.ts';

/** The steps from the machine as it is to one with these changes, running values first. Throws SystemError for a file of somebody else. */
export function planSteps(
  machine: Machine,
  journal: Journal,
  changes: readonly Change[],
  files: ReadonlyMap<string, string> = new Map(),
): Step[] {
  const steps: Step[] = [];
  const add = (item: Item, to: ItemValue): void => {
    const from = readItem(machine, item);
    if (!isSameValue(item, from, to)) steps.push({ item, from, to });
  };
  const sysctls = changes.filter((change) => change.kind === 'sysctl');
  for (const { key, value } of sysctls) add({ kind: 'sysctl', key }, normalise(value));
  const written = new Map(files);
  if (sysctls.length > 0) {
    const values = parseSysctlConf(machine.read(SYSCTL_FILE) ?? '');
    for (const { key, value } of sysctls) values.set(key, normalise(value));
    written.set(SYSCTL_FILE, renderSysctlFile(values));
  }
  const limits = changes.filter((change) => change.kind === 'limits');
  if (limits.length > 0) written.set(LIMITS_FILE, renderLimitsFile(limits.map(({ line }) => line)));
  const service = changes.filter((change) => change.kind === 'service');
  if (service.length > 0) written.set(SERVICE_FILE, renderServiceFile(service.map(({ line }) => line)));
  for (const [path, text] of written) {
    guard(machine, journal, path);
    add({ kind: 'directory', path: dirname(path) }, PRESENT);
    add({ kind: 'file', path }, text);
  }
  return steps;
}

/** The journal when the steps are done. What a thing was before Portico stays as it was when that changed it first. */
export function journalAfter(journal: Journal, steps: readonly Step[]): Journal {
  const entries = [...journal.entries];
  for (const { item, from, to } of steps) {
    const index = entries.findIndex((entry) => isSame(entry.item, item));
    if (index === -1) entries.push({ item, before: from, ours: to });
    else entries[index] = { ...entries[index]!, ours: to };
  }
  return { version: 1, entries };
}

/** What of a file is left without these settings; null for nothing. */
export function withoutSettings(path: string, text: ItemValue, ids: ReadonlySet<string>): ItemValue {
  if (path !== SYSCTL_FILE) return null;
  const values = parseSysctlConf(linesOf(text ?? '').join('\n'));
  for (const id of ids) values.delete(id);
  return values.size === 0 ? null : renderSysctlFile(values);
}

export function isSame(a: Item, b: Item): boolean {
  if (a.kind === 'sysctl') return b.kind === 'sysctl' && a.key === b.key;
  return b.kind === a.kind && a.path === b.path;
}

function guard(machine: Machine, journal: Journal, path: string): void {
  const current = machine.read(path);
  if (current === undefined && !machine.exists(path)) return;
  const entry = journal.entries.find(({ item }) => item.kind === 'file' && item.path === path);
  if (entry === undefined) {
    throw new SystemError(
      'SYSTEM_FOREIGN_FILE',
      `${path} is there already and was not written by Portico, or its journal is gone; move it away and try again. Nothing was changed.`,
    );
  }
  if (entry.ours !== current) {
    throw new SystemError(
      'SYSTEM_FOREIGN_FILE',
      `${path} was changed by somebody else since Portico wrote it; move those lines to a file of another name, delete it and try again. Nothing was changed.`,
    );
  }
}
