import { type CapacityLimit, forecastCapacity } from './capacity.ts';
import { CATALOG } from './catalog.ts';
import type { Demand } from './demand.ts';
import { type Facts, readFacts } from './facts.ts';
import { isWritable } from './item.ts';
import { type Journal, JournalStore } from './journal.ts';
import type { Machine } from './machine.ts';
import { planesFor } from './needs.ts';
import { type Nftables, readNftables } from './nftables.ts';
import { LIMITS_FILE, SERVICE_FILE, SYSCTL_FILE } from './owned-files.ts';
import { commandsFor, takeBackFor } from './paste.ts';
import type { Change, Context, Judgement, Setting, Severity } from './setting.ts';

/** Who can put it right: Portico by itself, Portico when root asks, whoever runs the host of this container, or a person by other means. */
export type ChangedBy = 'portico' | 'root' | 'host' | 'person';

export interface Finding extends Omit<Judgement, 'manual' | 'isHosts'>, Omit<Setting, 'judge'> {
  /** Undefined: there is nothing to put right. */
  readonly by: ChangedBy | undefined;
  /** To type, for the same end. */
  readonly commands: readonly string[];
  /** To type, to take it back. */
  readonly takeBack: readonly string[];
  /** Portico has changed it, and can put it back. */
  readonly isOurs: boolean;
}

export interface SystemReport {
  readonly demand: Demand;
  readonly planes: number;
  readonly facts: Facts;
  readonly findings: readonly Finding[];
  /** The first is what stops first. */
  readonly capacity: readonly CapacityLimit[];
  /** `interrupted`: a change was cut off, and the next one puts it back first. */
  readonly journal: 'none' | 'applied' | 'interrupted' | 'unreadable';
}

export interface InspectOptions {
  readonly cpuCount: number;
  /** Whether this process could do what root can. */
  readonly isRoot: boolean;
  /** Connections that are open now. Default: 0. */
  readonly used?: number;
  /** Where it has been read already. */
  readonly nftables?: Nftables | undefined;
}

/** Looks at everything; changes nothing. */
export function inspect(machine: Machine, demand: Demand, options: InspectOptions): SystemReport {
  const facts = readFacts(machine, options.cpuCount);
  const planes = demand.planes ?? autoPlanes(demand, facts);
  let read: { readonly nftables: Nftables | undefined } | undefined;
  const nftables = () => {
    read ??= { nftables: options.nftables ?? readNftables(machine) };
    return read.nftables;
  };
  const context: Context = { machine, facts, demand, planes, nftables };
  const journal = readJournal(machine);
  const ours = new Set((journal?.entries ?? []).flatMap(({ item }) => (item.kind === 'sysctl' ? [item.key] : [])));
  const files = new Set((journal?.entries ?? []).flatMap(({ item }) => (item.kind === 'file' ? [item.path] : [])));
  if (files.has(LIMITS_FILE)) ours.add('nofile.shell');
  if (files.has(SERVICE_FILE)) ours.add('nofile.service');
  const findings = CATALOG.map((setting) => {
    const { judge, ...texts } = setting;
    const { manual = [], isHosts = false, ...judgement } = setting.judge(context);
    const { changes, severity } = judgement;
    const isBad = severity === 'warn' || severity === 'fail';
    return {
      ...texts,
      ...judgement,
      by: isBad ? (isHosts ? 'host' : changedBy(machine, changes, options.isRoot)) : undefined,
      commands: isBad ? [...commandsFor(changes), ...manual] : [],
      takeBack: isBad ? takeBackFor(setting.id, changes, judgement.current) : [],
      isOurs: ours.has(setting.id),
    };
  });
  return {
    demand,
    planes,
    facts,
    findings,
    capacity: forecastCapacity({ machine, facts, demand, planes }, options.used),
    journal: stateOf(journal),
  };
}

export function countSeverity(findings: readonly Finding[], severity: Severity): number {
  return findings.filter((finding) => finding.severity === severity).length;
}

/** What apply needs to write for a change. */
export function itemsOf(change: Change): Parameters<typeof isWritable>[1][] {
  switch (change.kind) {
    case 'sysctl':
      return [
        { kind: 'sysctl', key: change.key },
        { kind: 'file', path: SYSCTL_FILE },
      ];
    case 'limits':
      return [{ kind: 'file', path: LIMITS_FILE }];
    case 'service':
      return [{ kind: 'file', path: SERVICE_FILE }];
    default:
      return change satisfies never;
  }
}

function changedBy(machine: Machine, changes: readonly Change[], isRoot: boolean): ChangedBy {
  if (changes.length === 0) return 'person';
  if (changes.flatMap(itemsOf).every((item) => isWritable(machine, item))) return 'portico';
  return isRoot ? 'host' : 'root';
}

/** One for each processor, or as many as the descriptors of a process make necessary. */
function autoPlanes(demand: Demand, { cpuCount, nofile }: Facts): number {
  const needed = nofile === undefined ? 1 : planesFor(demand, nofile.hard);
  return Number.isFinite(needed) && needed <= 256 ? Math.max(cpuCount, needed) : cpuCount;
}

function readJournal(machine: Machine): Journal | undefined {
  try {
    return new JournalStore(machine).read();
  } catch {
    return undefined;
  }
}

function stateOf(journal: Journal | undefined): SystemReport['journal'] {
  if (journal === undefined) return 'unreadable';
  if (journal.pending !== undefined) return 'interrupted';
  return journal.entries.length === 0 ? 'none' : 'applied';
}
