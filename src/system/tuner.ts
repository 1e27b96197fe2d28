import { isSame, journalAfter, planSteps, withoutSettings } from './change-plan.ts';
import type { Demand } from './demand.ts';
import { type Item, type ItemValue, isSameValue, isWritable, nameOf, readItem } from './item.ts';
import { type Journal, type JournalEntry, JournalStore, type Step } from './journal.ts';
import type { Machine } from './machine.ts';
import { LIMITS_FILE, SERVICE_FILE, UNIT_FILE } from './owned-files.ts';
import { type ChangedBy, type Finding, type InspectOptions, inspect, itemsOf, type SystemReport } from './report.ts';
import { SystemError } from './system-error.ts';
import { isSystemLocked, underWay, withSystemLock } from './system-lock.ts';
import { recover, runSteps } from './transaction.ts';

export interface TunerDeps {
  readonly machine: Machine;
  /** Has systemd read its files again. Throws where it does not; the files stay. */
  readonly reloadServices: () => void;
}

export interface ChangeOptions {
  /** Ids of settings. Default: all. */
  readonly only?: readonly string[] | undefined;
  readonly isDryRun?: boolean;
}

export interface ApplyOptions extends ChangeOptions {
  /** Files of Portico's to write besides, whole, by path. */
  readonly files?: ReadonlyMap<string, string>;
}

/** One value or file, as it was and as it is. */
export interface Changed {
  readonly name: string;
  readonly from: ItemValue;
  readonly to: ItemValue;
}

/** A finding that was not put right. */
export interface Left {
  readonly id: string;
  readonly reason: ChangedBy | 'foreign';
  readonly detail: string;
  readonly commands: readonly string[];
}

export interface ChangeResult {
  readonly changed: readonly Changed[];
  readonly left: readonly Left[];
  /** What a person should know besides. */
  readonly notices: readonly string[];
}

const UNIT_ID = 'unit';

/** Looks at the machine's settings, changes them, and takes that back. */
export class SystemTuner {
  private readonly machine: Machine;
  private readonly reloadServices: () => void;
  private readonly store: JournalStore;
  private readonly options: InspectOptions;

  constructor({ machine, reloadServices }: TunerDeps, options: InspectOptions) {
    this.machine = machine;
    this.reloadServices = reloadServices;
    this.store = new JournalStore(machine);
    this.options = options;
  }

  inspect(demand: Demand, now: Pick<InspectOptions, 'used' | 'nftables'> = {}): SystemReport {
    return inspect(this.machine, demand, { ...this.options, ...now });
  }

  /** Changes all that is to be changed, or nothing. What is not Portico's to change is left, and said. Throws SystemError. */
  apply(demand: Demand, options: ApplyOptions = {}): ChangeResult {
    const report = this.inspect(demand);
    const chosen = this.choose(report, options.only);
    const doable = chosen.filter(({ by }) => by === 'portico');
    const files = options.files ?? new Map();
    const denied = chosen.filter(({ by }) => by === 'root');
    const isFileDenied = [...files.keys()].some((path) => !isWritable(this.machine, { kind: 'file', path }));
    if (options.isDryRun === true) {
      // What root would do is worth seeing, too.
      const asRoot = chosen.map((finding) =>
        finding.by === 'root' ? { ...finding, by: 'portico' as const } : finding,
      );
      return this.preview(asRoot, files);
    }
    if ((denied.length > 0 && doable.length === 0) || isFileDenied) {
      throw new SystemError('SYSTEM_PERMISSION', 'changing these settings takes root; nothing was changed.', {
        commands: denied.flatMap(({ commands }) => commands),
      });
    }
    const isClean = report.journal !== 'interrupted' && !this.store.hasLeftover;
    if (doable.length === 0 && files.size === 0 && isClean) {
      return { changed: [], left: chosen.map(leave), notices: [] };
    }
    return withSystemLock(this.machine, () => {
      this.store.sweep();
      const { journal, foreign } = recover(this.machine, this.store, this.store.read());
      const wasCut = report.journal === 'interrupted';
      // What was cut off has been put back, so there may be more to do than was seen at first.
      const now = wasCut ? this.choose(this.inspect(demand), options.only) : chosen;
      const result = this.applyNow(journal, now, files, false);
      const notices = [...(wasCut ? [CUT] : []), ...foreign.map(leftAlone), ...result.notices];
      return { ...result, notices };
    });
  }

  /** Puts everything back that Portico changed and nobody else since, or nothing. Throws SystemError. */
  undo(options: ChangeOptions = {}): ChangeResult {
    const seen = this.store.read();
    const ids = options.only === undefined ? undefined : new Set(options.only);
    for (const id of ids ?? []) {
      if (!seen.entries.some((entry) => belongsTo(entry, id))) {
        throw new SystemError(
          'SYSTEM_UNKNOWN_SETTING',
          `Portico has not changed "${id}", so there is nothing to undo.`,
        );
      }
    }
    if (options.isDryRun === true) {
      const { steps, foreign } = this.planUndo(seen, ids);
      return { changed: steps.map(describe), left: foreign.map(leaveForeign), notices: [] };
    }
    if (!this.store.isThere) return { changed: [], left: [], notices: [] };
    return withSystemLock(this.machine, () => {
      this.store.sweep();
      const wasCut = this.store.read().pending !== undefined;
      const recovered = recover(this.machine, this.store, this.store.read());
      const { steps, foreign, after } = this.planUndo(recovered.journal, ids);
      if (steps.length > 0 || foreign.length > 0) runSteps(this.machine, this.store, recovered.journal, steps, after);
      const notices = [...(wasCut ? [CUT] : []), ...recovered.foreign.map(leftAlone), ...this.reload(steps)];
      return { changed: steps.map(describe), left: foreign.map(leaveForeign), notices };
    });
  }

  private preview(chosen: readonly Finding[], files: ReadonlyMap<string, string>): ChangeResult {
    const journal = this.store.read();
    try {
      return this.applyNow(journal, chosen, files, true);
    } catch (error) {
      // What is seen while somebody else changes it is neither one state nor the other.
      if (isSystemLocked(this.machine)) throw underWay();
      if (JSON.stringify(this.store.read()) !== JSON.stringify(journal)) return this.preview(chosen, files);
      throw error;
    }
  }

  private applyNow(
    journal: Journal,
    chosen: readonly Finding[],
    files: ReadonlyMap<string, string>,
    isDryRun: boolean,
  ): ChangeResult {
    const doable = chosen.filter(({ by }) => by === 'portico');
    const isForeign = (finding: Finding): boolean =>
      finding.changes.flatMap(itemsOf).some((item) => this.isForeign(journal, item));
    const mine = doable.filter((finding) => !isForeign(finding));
    const left = [
      ...doable.filter(isForeign).map(({ id }) => leaveForeign(id)),
      ...chosen.filter(({ by }) => by !== 'portico').map(leave),
    ];
    const steps = planSteps(
      this.machine,
      journal,
      mine.flatMap(({ changes }) => changes),
      files,
    );
    if (!isDryRun && steps.length > 0) {
      runSteps(this.machine, this.store, journal, steps, journalAfter(journal, steps));
    }
    return { changed: steps.map(describe), left, notices: isDryRun ? [] : this.reload(steps) };
  }

  /** Findings to be put right. Throws SystemError for an id that is none. */
  private choose({ findings }: SystemReport, only: readonly string[] | undefined): Finding[] {
    for (const id of only ?? []) {
      if (!findings.some((finding) => finding.id === id)) {
        throw new SystemError(
          'SYSTEM_UNKNOWN_SETTING',
          `there is no setting "${id}"; \`portico check --json\` lists them.`,
        );
      }
    }
    return findings.filter(({ by, id }) => by !== undefined && (only === undefined || only.includes(id)));
  }

  /** Of a running value alone: files of others are an error, since nothing can be written there. */
  private isForeign(journal: Journal, item: Item): boolean {
    if (item.kind !== 'sysctl') return false;
    const entry = journal.entries.find((each) => isSame(each.item, item));
    if (entry === undefined) return false;
    const current = readItem(this.machine, item);
    return !isSameValue(item, current, entry.ours) && !isSameValue(item, current, entry.before);
  }

  private planUndo(
    journal: Journal,
    ids: ReadonlySet<string> | undefined,
  ): { readonly steps: Step[]; readonly foreign: string[]; readonly after: Journal } {
    const steps: Step[] = [];
    const foreign: string[] = [];
    const kept: JournalEntry[] = [];
    const isWhole = ids === undefined || journal.entries.every((e) => e.item.kind === 'directory' || isNamed(e, ids));
    // Files before the folders that they are in.
    for (const entry of [...journal.entries].sort((a, b) => order(a) - order(b))) {
      const { item, before, ours } = entry;
      const isChosen = isWhole || (item.kind !== 'directory' && [...ids].some((id) => belongsTo(entry, id)));
      if (!isChosen) {
        kept.push(entry);
        continue;
      }
      const current = readItem(this.machine, item);
      if (!isSameValue(item, current, ours) && !isSameValue(item, current, before)) {
        foreign.push(nameOf(item));
        continue;
      }
      const to = isWhole || item.kind !== 'file' ? before : withoutSettings(item.path, ours, ids!);
      if (!isSameValue(item, current, to)) steps.push({ item, from: current, to });
      if (to !== before) kept.push({ ...entry, ours: to });
    }
    return { steps, foreign, after: { version: 1, entries: kept } };
  }

  private reload(steps: readonly Step[]): string[] {
    if (!steps.some(({ item }) => item.kind === 'file' && [SERVICE_FILE, UNIT_FILE].includes(item.path))) return [];
    try {
      this.reloadServices();
      return [];
    } catch (error) {
      return [`systemd did not read its files again: ${(error as Error).message}; run \`systemctl daemon-reload\``];
    }
  }
}

const CUT = 'a change that was cut off before was put back first';
const leftAlone = (name: string): string => `${name} was changed by somebody else meanwhile and left alone`;

function order({ item }: JournalEntry): number {
  return item.kind === 'sysctl' ? 0 : item.kind === 'file' ? 1 : 2;
}

/** Whether the entry has a part that is of the setting. */
function belongsTo({ item, ours }: JournalEntry, id: string): boolean {
  if (item.kind === 'sysctl') return item.key === id;
  if (item.kind === 'directory') return false;
  if (item.path === LIMITS_FILE) return id === 'nofile.shell';
  if (item.path === SERVICE_FILE) return id === 'nofile.service';
  if (item.path === UNIT_FILE) return id === UNIT_ID;
  return (ours ?? '').includes(`\n${id} = `);
}

/** Whether nothing of the entry is left without these settings. */
function isNamed(entry: JournalEntry, ids: ReadonlySet<string>): boolean {
  const { item, ours } = entry;
  if (item.kind === 'file')
    return [...ids].some((id) => belongsTo(entry, id)) && withoutSettings(item.path, ours, ids) === null;
  return [...ids].some((id) => belongsTo(entry, id));
}

function describe({ item, from, to }: Step): Changed {
  return { name: nameOf(item), from, to };
}

function leaveForeign(id: string): Left {
  return {
    id,
    reason: 'foreign',
    detail: 'somebody else has changed it since Portico did; it was left alone',
    commands: [],
  };
}

function leave({ id, by, detail, commands }: Finding): Left {
  const reason = by!;
  const who = {
    portico: 'left as it is',
    root: 'takes root',
    host: 'cannot be changed from in here; it is the host’s to change',
    person: 'is for a person to change',
  }[reason];
  return { id, reason, detail: detail === undefined ? who : `${who}: ${detail}`, commands };
}
