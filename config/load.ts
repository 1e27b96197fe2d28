import { LineCounter, parseDocument } from 'yaml';
import { checkAcme } from './check-acme.ts';
import { checkBinds } from './check-binds.ts';
import { checkCertificates } from './check-certificates.ts';
import { checkHaproxy } from './check-haproxy.ts';
import { checkKernel } from './check-kernel.ts';
import { checkLayerFour } from './check-layer-four.ts';
import { checkOverlaps } from './check-overlaps.ts';
import { checkQuantities } from './check-quantities.ts';
import { checkReach } from './check-reach.ts';
import { checkReferences } from './check-references.ts';
import { checkRoutes } from './check-routes.ts';
import { checkTls } from './check-tls.ts';
import type { Config } from './config.ts';
import type { Fault } from './fault.ts';
import { findWarnings } from './find-warnings.ts';
import type { Finding } from './finding.ts';
import { resolve } from './resolve.ts';
import type { LoadContext } from './resolve-values.ts';
import { isConsequence, salvage } from './salvage.ts';
import type { ConfigFile } from './schema.ts';
import { SourceMap } from './source-map.ts';
import { syntaxMessage } from './syntax-message.ts';
import { validate } from './validate.ts';

export type LoadResult =
  | { readonly ok: true; readonly config: Config; readonly warnings: readonly Fault[] }
  | { readonly ok: false; readonly faults: readonly Fault[] };

/** Reads the text of a portico.yaml. Never throws for what is in it: all faults come back together, in the order of the file. */
export function loadConfig(text: string, context: LoadContext): LoadResult {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, stringKeys: true });
  const source = new SourceMap(document, lines, context.file);
  const syntax = [...document.errors, ...document.warnings];
  if (syntax.length > 0) {
    return refuse(firstOfEachPlace(syntax.map((error) => source.at(error.pos[0], syntaxMessage(error)))));
  }
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    return refuse([source.at(0, (error as Error).message)]);
  }
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    return refuse([source.at(0, 'the file must be a mapping with "listeners" and "backends"')]);
  }
  const located = (findings: readonly Finding[]): Fault[] => findings.map((finding) => source.fault(finding));

  const shape = validate(value);
  const file = shape.length === 0 ? (value as ConfigFile) : salvage(value, shape);
  if (file === undefined) return refuse(located(shape));
  const findings = [
    ...checkQuantities(file),
    ...checkReferences(file),
    ...checkRoutes(file),
    ...checkBinds(file),
    ...checkLayerFour(file),
    ...checkTls(file),
    ...checkAcme(file),
  ];
  const config = resolve(file, context, (path, message) => findings.push({ path, message }));
  findings.push(
    ...checkReach(file, config),
    ...checkOverlaps(config),
    ...checkKernel(file, config),
    ...checkHaproxy(file, config),
  );
  if (context.readText !== undefined) findings.push(...checkCertificates(config, context.readText));
  const rest = findings.filter((finding) => !isConsequence(finding, shape, file));
  if (shape.length + rest.length > 0) return refuse(located([...shape, ...rest]));
  return { ok: true, config: deepFreeze(config), warnings: inOrder(located(findWarnings(file, config))) };
}

function refuse(faults: readonly Fault[]): LoadResult {
  return { ok: false, faults: inOrder(faults) };
}

/** A parser that has lost its way says several things of one place; the first is the one that helps. */
function firstOfEachPlace(faults: readonly Fault[]): Fault[] {
  const places = new Map<string, Fault>();
  for (const fault of faults) {
    const place = `${fault.line}:${fault.column}`;
    if (!places.has(place)) places.set(place, fault);
  }
  return [...places.values()];
}

function inOrder(faults: readonly Fault[]): Fault[] {
  return faults.toSorted((a, b) => a.line - b.line || a.column - b.column);
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const part of Object.values(value)) deepFreeze(part);
  }
  return value;
}
