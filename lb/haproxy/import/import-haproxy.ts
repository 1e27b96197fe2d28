import { stringify } from 'yaml';
import { type ImportedBackend, importBackend } from './import-backend.ts';
import { type ImportDeps, importFrontend } from './import-frontend.ts';
import { poolsOf } from './import-pools.ts';
import { type LeftOut, LeftOutList } from './left-out.ts';
import { type CfgLine, type CfgSection, readSections } from './read-sections.ts';
import { removeFaults } from './remove-faults.ts';

export interface Imported {
  /** The text of a portico.yaml without a fault; undefined where too little could be taken over to make one. */
  readonly text: string | undefined;
  readonly leftOut: readonly LeftOut[];
}

export interface ImportOptions {
  /** Of this machine: what HAProxy connects from where its file names no source. */
  readonly ownAddresses: readonly string[];
  /** Reads lists of certificates; throws as `fs` does. */
  readonly read: (file: string) => string;
}

/**
 * Makes a portico.yaml of an haproxy.cfg: listeners stay with HAProxy as their engine. Never throws; what has no counterpart is listed with its
 * line.
 */
export function importHaproxy(text: string, { ownAddresses, read }: ImportOptions): Imported {
  const leftOut = new LeftOutList();
  const isOwn = text.startsWith('# Written by Portico');
  const lost: ImportDeps['lost'] = ({ line, words }, why, isHarmless) => leftOut.add(line, words, why, isHarmless);
  const deps: ImportDeps = { lost, isOwn, read };
  const file: Record<string, unknown> = {};
  const listeners: Record<string, unknown>[] = [];
  const fronts: { section: CfgSection; lines: readonly CfgLine[] }[] = [];
  const backs = new Map<string, { head: CfgLine; back: ImportedBackend }>();
  let defaults: readonly CfgLine[] = [];
  for (const section of readSections(text)) {
    for (const line of section.lines) if (line.fault !== undefined) leftOut.add(line.line, [], line.fault);
    const lines = section.lines.filter(({ fault }) => fault === undefined);
    if (section.kind === 'global') importGlobal(lines, file, deps);
    else if (section.kind === 'defaults') defaults = lines;
    else if (['frontend', 'backend', 'listen'].includes(section.kind)) {
      const whole = [...defaults, ...lines];
      if (section.kind !== 'backend') fronts.push({ section, lines: whole });
      if (section.kind !== 'frontend')
        backs.set(section.name, { head: section.head, back: importBackend(whole, deps) });
    } else {
      lost(section.head, 'this section has no counterpart');
      for (const line of lines) lost(line, 'its section has no counterpart');
    }
  }
  const names = new NameTable(isOwn);
  const checkers = new Set(
    [...backs.values()].flatMap(({ back }) =>
      back.servers.flatMap(({ track }) => (track?.includes('/') === true ? [track.slice(0, track.indexOf('/'))] : [])),
    ),
  );
  const served = [...backs].filter(([name]) => !(isOwn && name.startsWith('ck_') && checkers.has(name)));
  const { sources, backends } = poolsOf(served, {
    ownAddresses,
    names,
    healthOf: (name) => backs.get(name)?.back,
    lost,
  });
  for (const { section, lines } of fronts) {
    const front = importFrontend(lines, deps);
    const rest = front.defaultBackend ?? (section.kind === 'listen' ? section.name : undefined);
    const routes = [
      ...front.routes.map((route) =>
        typeof route.backend === 'string' ? { ...route, backend: names.backend(route.backend) } : route,
      ),
      ...(rest === undefined ? [] : [{ backend: names.backend(rest) }]),
    ];
    if (front.binds.length === 0) lost(section.head, 'it binds to nothing that could be taken over');
    if (routes.length === 0) lost(section.head, 'it leads to no backend');
    front.binds.forEach((bind, i) => {
      const name = names.listener(section.name, i);
      const isPlain = front.mode === 'tcp' && routes.length === 1 && rest !== undefined;
      listeners.push({
        name,
        ...bind,
        engine: 'haproxy',
        mode: front.mode,
        ...front.more,
        ...(isPlain ? { backend: routes[0]!.backend } : { routes }),
      });
    });
  }
  if (typeof file.maxconn === 'number') {
    for (const listener of listeners) listener.limits ??= { connections: file.maxconn };
    delete file.maxconn;
  }
  const whole = { ...file, ...(sources.length === 0 ? {} : { sources }), listeners, backends };
  const isGood = removeFaults(whole, (message, at) => leftOut.add(lineOf(at, fronts, backs), [], `${at}: ${message}`));
  return { text: isGood ? stringify(whole, { aliasDuplicateObjects: false }) : undefined, leftOut: leftOut.all };
}

/** Where what a fault speaks of came from, as near as its section. */
function lineOf(
  at: string,
  fronts: readonly { section: CfgSection }[],
  backs: ReadonlyMap<string, { head: CfgLine }>,
): number {
  const [, kind, index] = /^(listeners|backends)\[(\d+)\]/.exec(at) ?? [];
  if (kind === 'listeners') return fronts[Math.min(Number(index), fronts.length - 1)]?.section.head.line ?? 1;
  if (kind === 'backends') return [...backs.values()][Math.min(Number(index), backs.size - 1)]?.head.line ?? 1;
  return 1;
}

const PROCESS =
  /^(daemon|master-worker|user|group|uid|gid|chroot|pidfile|log|log-tag|log-send-hostname|stats|ssl-default-|ssl-dh-|ca-base|crt-base|tune\.|nbproc|cpu-map|ulimit-n|spread-checks|server-state-|hard-stop-after|unix-bind|node|description|set-dumpable|default-path|h1-|zero-warning|expose-|presetenv|setenv|external-check|insecure-|lua-|busy-polling|no|quiet|localpeer|max)/;

function importGlobal(lines: readonly CfgLine[], file: Record<string, unknown>, { lost, isOwn }: ImportDeps): void {
  for (const line of lines) {
    const [word = '', value] = line.words;
    if (word === 'maxconn' && Number(value) > 0) file.maxconn = Number(value);
    else if (word === 'nbthread' && Number(value) > 0) file.planes = Number(value);
    else if (PROCESS.test(word)) {
      if (!isOwn) lost(line, 'it is about the process of HAProxy, which Portico runs', true);
    } else lost(line, `"${word}" has no counterpart`);
  }
}

/** Names that Portico takes, each once. */
export class NameTable {
  private readonly isOwn: boolean;
  private readonly backends = new Map<string, string>();
  private readonly taken = new Set<string>();

  constructor(isOwn: boolean) {
    this.isOwn = isOwn;
  }

  backend(name: string): string {
    const known = this.backends.get(name);
    if (known !== undefined) return known;
    const made = this.unique(this.isOwn ? name.replace(/^be_(.*)_(http|tcp)$/, '$1') : name, 'b ');
    this.backends.set(name, made);
    return made;
  }

  listener(name: string, index: number): string {
    const own = this.isOwn ? name.replace(/^fe_/, '') : name;
    return this.unique(index === 0 ? own : `${own}-${index + 1}`, 'l ');
  }

  private unique(name: string, kind: string): string {
    const base =
      name
        .replaceAll(/[^A-Za-z0-9_.-]/g, '-')
        .replace(/^[^A-Za-z0-9]+/, '')
        .slice(0, 58) || 'unnamed';
    let made = base;
    for (let i = 2; this.taken.has(kind + made); i++) made = `${base}-${i}`;
    this.taken.add(kind + made);
    return made;
  }
}
