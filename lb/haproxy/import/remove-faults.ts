import { stringify } from 'yaml';
import { loadConfig } from '../../../config/load.ts';

const MOST_ROUNDS = 200;

/**
 * Takes out of a file what is not allowed in it, one fault at a time, so that what is left is good. False: nothing is left that is a config.
 * `removed` hears of each, with its place as messages have it.
 */
export function removeFaults(file: Record<string, unknown>, removed: (message: string, at: string) => void): boolean {
  for (let i = 0; i < MOST_ROUNDS; i++) {
    const result = loadConfig(stringify(file), { file: 'portico.yaml', directory: '/', cpuCount: 1 });
    if (result.ok) return true;
    const [fault] = result.faults;
    if (fault === undefined) return false;
    removed(fault.message, fault.path);
    const parts = [...fault.path.matchAll(/([A-Za-z_-]+)|\[(\d+)\]/g)].map(([, key, index]) => key ?? Number(index));
    if (!removeAt(file, parts)) return false;
  }
  return false;
}

/** Removes what is there, or else the nearest that it would be in. */
function removeAt(file: Record<string, unknown>, parts: readonly (string | number)[]): boolean {
  for (let depth = parts.length; depth > 0; depth--) {
    let at: unknown = file;
    for (const part of parts.slice(0, depth - 1)) at = (at as Record<string | number, unknown> | undefined)?.[part];
    const last = parts[depth - 1]!;
    if (Array.isArray(at) && typeof last === 'number' && last < at.length) {
      at.splice(last, 1);
      return at.length > 0 || depth > 1;
    }
    if (typeof at === 'object' && at !== null && Object.hasOwn(at, last)) {
      delete (at as Record<string | number, unknown>)[last];
      return depth > 1 || (last !== 'listeners' && last !== 'backends');
    }
  }
  return false;
}
