import { type Item, type ItemValue, isKnown, nameOf } from './item.ts';
import type { Machine } from './machine.ts';
import { errnoOf, SystemError } from './system-error.ts';

export interface JournalEntry {
  readonly item: Item;
  /** What it was before Portico changed it for the first time. */
  readonly before: ItemValue;
  /** What Portico made of it last. */
  readonly ours: ItemValue;
}

export interface Step {
  readonly item: Item;
  readonly from: ItemValue;
  readonly to: ItemValue;
}

export interface Journal {
  readonly version: 1;
  /** What was changed and not taken back. */
  readonly entries: readonly JournalEntry[];
  /** A change under way, or one that was cut off. */
  readonly pending?: readonly Step[];
}

export const EMPTY_JOURNAL: Journal = { version: 1, entries: [] };

/**
 * Root alone writes there, since `portico undo` does what the journal says. So it is not the state folder of the service, which runs as
 * somebody else.
 */
export const JOURNAL_FOLDER = '/var/lib/portico-system';
const FILE = `${JOURNAL_FOLDER}/journal.json`;
const PARTIAL = `${FILE}.new`;

/** What was changed, on the disk before it is changed. */
export class JournalStore {
  private readonly machine: Machine;

  constructor(machine: Machine) {
    this.machine = machine;
  }

  /** Empty where there is none, or none that may be read. Throws SystemError where it is no journal. */
  read(): Journal {
    const text = this.machine.read(FILE);
    if (text === undefined) return EMPTY_JOURNAL;
    let parsed: unknown;
    try {
      parsed = JSON.parse(text);
    } catch (cause) {
      throw spoilt('is not JSON', cause);
    }
    if (!isJournal(parsed)) throw spoilt('has another form');
    const stranger = [...parsed.entries, ...(parsed.pending ?? [])].find(({ item }) => !isKnown(item));
    if (stranger !== undefined) throw spoilt(`names ${nameOf(stranger.item)}, which Portico never changes`);
    return parsed;
  }

  /** On the disk when it returns. Throws SystemError; the journal is as it was then. */
  write(journal: Journal): void {
    const { machine } = this;
    try {
      machine.remove(PARTIAL);
      machine.create(PARTIAL, `${JSON.stringify(journal, undefined, 1)}\n`);
      machine.rename(PARTIAL, FILE);
    } catch (cause) {
      machine.remove(PARTIAL);
      throw new SystemError(
        'SYSTEM_DISK',
        `the journal cannot be written to ${JOURNAL_FOLDER} (${errnoOf(cause)}); nothing was changed.`,
        { cause },
      );
    }
  }

  /** Whether anything is to be taken back, or swept. */
  get isThere(): boolean {
    return this.machine.exists(JOURNAL_FOLDER);
  }

  /** Whether a write was cut off. */
  get hasLeftover(): boolean {
    return this.machine.exists(PARTIAL);
  }

  /** Removes what a write that was cut off has left. */
  sweep(): void {
    this.machine.remove(PARTIAL);
  }

  /** Forgets everything. */
  clear(): void {
    this.sweep();
    this.machine.remove(FILE);
  }
}

// By hand: `portico check` reads it, and loading a library for it would take longer than all the rest.

function isJournal(value: unknown): value is Journal {
  if (!isObject(value) || value.version !== 1) return false;
  const { entries, pending = [] } = value;
  return isList(entries, isEntry) && isList(pending, isStep);
}

const isEntry = (value: unknown): boolean =>
  isObject(value) && isItem(value.item) && isValue(value.before) && isValue(value.ours);
const isStep = (value: unknown): boolean =>
  isObject(value) && isItem(value.item) && isValue(value.from) && isValue(value.to);
const isValue = (value: unknown): boolean => value === null || typeof value === 'string';
const isItem = (value: unknown): boolean =>
  isObject(value) &&
  (value.kind === 'sysctl'
    ? typeof value.key === 'string'
    : (value.kind === 'file' || value.kind === 'directory') && typeof value.path === 'string');
const isList = (value: unknown, isGood: (item: unknown) => boolean): boolean =>
  Array.isArray(value) && value.every(isGood);
const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null;

function spoilt(why: string, cause?: unknown): SystemError {
  return new SystemError(
    'SYSTEM_JOURNAL',
    `${FILE} ${why}; put it right, or delete it to give up taking back what it stands for.`,
    { cause },
  );
}
