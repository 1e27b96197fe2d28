import { join } from 'node:path';

const SUFFIX = '.sock';

/** Where the process `pid` can be met that does the work `id`. Unix has room for 107 bytes. */
export function socketPath(directory: string, id: string, pid: number): string {
  return join(directory, `${id}.${pid}${SUFFIX}`);
}

/** Where the process `pid` meets itself for a moment; not to be met by others. */
export function copierPath(directory: string, pid: number): string {
  return join(directory, `copies-${pid}`);
}

/** Undefined for what is not the name of such a path. */
export function parseSocketName(name: string): { readonly id: string; readonly pid: number } | undefined {
  const match = /^(.+)\.([0-9]+)\.sock$/.exec(name);
  return match === null ? undefined : { id: match[1]!, pid: Number(match[2]) };
}
