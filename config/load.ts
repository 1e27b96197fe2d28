import { LineCounter, parseDocument } from 'yaml';
import { checkQuantities } from './check-quantities.ts';
import { checkReferences } from './check-references.ts';
import type { Config } from './config.ts';
import type { Fault } from './fault.ts';
import { type LoadContext, resolve } from './resolve.ts';
import type { ConfigFile } from './schema.ts';
import { SourceMap } from './source-map.ts';
import { findUnsupported } from './unsupported.ts';
import { validate } from './validate.ts';

export type LoadResult =
  | { readonly ok: true; readonly config: Config }
  | { readonly ok: false; readonly faults: readonly Fault[] };

/** Reads the text of a portico.yaml. Never throws for what is in it: all faults come back together, in the order of the file. */
export function loadConfig(text: string, context: LoadContext): LoadResult {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, strict: true, uniqueKeys: true });
  const source = new SourceMap(document, lines, context.file);
  const syntax = [...document.errors, ...document.warnings].map((error) => source.at(error.pos[0], error.message));
  if (syntax.length > 0) return refuse(syntax);
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    return refuse([source.at(0, (error as Error).message)]);
  }
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    return refuse([source.at(0, 'the file must be a mapping with "listeners" and "backends"')]);
  }
  const shape = validate(value, source);
  if (shape.length > 0) return refuse(shape);
  const file = value as ConfigFile;
  const faults = [...findUnsupported(file), ...checkQuantities(file)].map(({ path, message }) =>
    source.fault(path, message),
  );
  faults.push(...checkReferences(file, source));
  const resolved = resolve(file, context, (path, message) => faults.push(source.fault(path, message)));
  return faults.length > 0 ? refuse(faults) : { ok: true, config: deepFreeze(resolved) };
}

function refuse(faults: Fault[]): LoadResult {
  return { ok: false, faults: faults.sort((a, b) => a.line - b.line || a.column - b.column) };
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const part of Object.values(value)) deepFreeze(part);
  }
  return value;
}
