import type { Machine } from './machine.ts';

/** systemd looks in this order; of a drop-in with the same name the first one counts. */
const UNIT_FOLDERS = ['/etc/systemd/system', '/run/systemd/system', '/usr/lib/systemd/system', '/lib/systemd/system'];

/** The hard limit that limits.conf(5) sets for everybody, or `root` for root alone; the last line counts. Undefined: none does. */
export function readLimit(machine: Machine, item: string): number | undefined {
  const folder = '/etc/security/limits.d';
  const files = [
    '/etc/security/limits.conf',
    ...machine
      .list(folder)
      .filter((name) => name.endsWith('.conf'))
      .map((name) => `${folder}/${name}`),
  ];
  let limit: number | undefined;
  for (const file of files) {
    for (const line of (machine.read(file) ?? '').split('\n')) {
      const [domain, type, name, value] = line.replace(/#.*/, '').trim().split(/\s+/);
      if (domain !== '*' || name !== item || (type !== 'hard' && type !== '-')) continue;
      limit = parseLimit(value ?? '');
    }
  }
  return limit;
}

/** What portico.service is given, by the unit or a drop-in; undefined where none of them says. */
export function readServiceLimit(machine: Machine, key: string): number | undefined {
  const unit = UNIT_FOLDERS.map((folder) => `${folder}/portico.service`).find((file) => machine.exists(file));
  const dropIns = new Map<string, string>();
  for (const folder of UNIT_FOLDERS) {
    for (const name of machine.list(`${folder}/portico.service.d`)) {
      if (name.endsWith('.conf') && !dropIns.has(name)) dropIns.set(name, `${folder}/portico.service.d/${name}`);
    }
  }
  const files = [
    ...(unit === undefined ? [] : [unit]),
    ...[...dropIns.keys()].sort().map((name) => dropIns.get(name)!),
  ];
  let limit: number | undefined;
  for (const file of files) {
    for (const [, value] of (machine.read(file) ?? '').matchAll(new RegExp(`^\\s*${key}\\s*=\\s*(\\S+)`, 'gm'))) {
      // `soft:hard`, or one for both.
      limit = parseLimit(value!.split(':').at(-1)!);
    }
  }
  return limit;
}

function parseLimit(text: string): number | undefined {
  if (text === 'unlimited' || text === 'infinity' || text === '-1') return Number.POSITIVE_INFINITY;
  return /^\d+$/.test(text) ? Number(text) : undefined;
}
