import type { Finding, Path } from './finding.ts';
import { type ConfigFile, configSchema } from './schema.ts';
import { Value } from './typebox.ts';

/**
 * `value` without the keys that `findings` are about, so that names and ports can be checked in the same run: one round for the user, not
 * two. Undefined where what is left is not a config, or where too much would have to be guessed.
 */
export function salvage(value: unknown, findings: readonly Finding[]): ConfigFile | undefined {
  const copy: unknown = structuredClone(value);
  for (const { path, key } of findings) {
    const full = key === undefined ? path : [...path, key];
    // A fault at the top level hides whole sections that others refer to.
    if (full.length < 2) return undefined;
    const parent = valueAt(copy, full.slice(0, -1));
    const last = full.at(-1)!;
    // Leaving an item out of a list would renumber the others.
    if (typeof last === 'number') return undefined;
    if (typeof parent === 'object' && parent !== null) delete (parent as Record<string, unknown>)[last];
  }
  return Value.Check(configSchema, copy) ? (copy as ConfigFile) : undefined;
}

/** Whether `later`, found in what was salvaged, may be there only because of what was left out. */
export function isConsequence(later: Finding, findings: readonly Finding[], salvaged: ConfigFile): boolean {
  return findings.some(({ path, key }) => {
    if (key === undefined) return startsWith(path, later.path) || startsWith(later.path, path);
    // A misspelt key: its mapping lacks something, or a default stands in for it.
    if (!startsWith(later.path, path)) return false;
    return later.path.length === path.length || valueAt(salvaged, later.path) === undefined;
  });
}

function startsWith(path: Path, prefix: Path): boolean {
  return prefix.every((part, i) => path[i] === part);
}

function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>((node, part) => (node as Record<string | number, unknown> | undefined)?.[part], value);
}
