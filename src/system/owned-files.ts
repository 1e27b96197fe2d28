/** All files that an apply writes. Those of others are never edited, so each has a name of Portico's own. */
export const SYSCTL_FILE = '/etc/sysctl.d/90-portico.conf';
export const LIMITS_FILE = '/etc/security/limits.d/90-portico.conf';
export const SERVICE_FILE = '/etc/systemd/system/portico.service.d/90-limits.conf';
export const UNIT_FILE = '/etc/systemd/system/portico.service';

export const OWNED_FILES: readonly string[] = [SYSCTL_FILE, LIMITS_FILE, SERVICE_FILE, UNIT_FILE];

const MARK = '# Written by Portico; `portico undo` takes it back. Changes made here by hand keep it from doing so.';

/** Lines in the order of `lines`, without repeats. */
export function renderSysctlFile(values: ReadonlyMap<string, string>): string {
  return [MARK, ...[...values].map(([key, value]) => `${key} = ${value}`), ''].join('\n');
}

export function renderLimitsFile(lines: Iterable<string>): string {
  return [MARK, ...new Set(lines), ''].join('\n');
}

export function renderServiceFile(lines: Iterable<string>): string {
  return [MARK, '[Service]', ...new Set(lines), ''].join('\n');
}

/** What a file of Portico's says, without the mark and the section. */
export function linesOf(text: string | undefined): string[] {
  return (text ?? '').split('\n').filter((line) => line !== '' && !line.startsWith('#') && !line.startsWith('['));
}
