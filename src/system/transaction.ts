import { isSameValue, nameOf, readItem, writeItem } from './item.ts';
import type { Journal, JournalStore, Step } from './journal.ts';
import type { Machine } from './machine.ts';
import { errnoOf, SystemError } from './system-error.ts';

/**
 * Takes all steps, or none: they are in the journal before the first, and put back in reverse where one fails. `after` is the journal of
 * the time when all are done. Throws SystemError; the machine is as it was then, unless its message says otherwise.
 */
export function runSteps(
  machine: Machine,
  store: JournalStore,
  journal: Journal,
  steps: readonly Step[],
  after: Journal,
): void {
  store.write({ ...journal, pending: [...steps] });
  try {
    for (const { item, to } of steps) writeItem(machine, item, to);
    settle(store, after);
  } catch (cause) {
    const stuck = putBack(machine, steps);
    if (stuck.length > 0) {
      throw new SystemError(
        'SYSTEM_REFUSED',
        `${sentence(cause)}, and ${stuck.join(', ')} could not be put back; repair that and run \`portico undo\`.`,
        { cause },
      );
    }
    try {
      settle(store, journal);
    } catch {
      // It still says that steps are pending. Whoever reads it next finds them put back, and nothing to do.
    }
    const code = cause instanceof SystemError ? cause.code : 'SYSTEM_DISK';
    throw new SystemError(code, `${sentence(cause)}; everything is as it was before.`, { cause });
  }
}

/** Puts back what a change that was cut off had done. Returns the journal without it, and what somebody else has changed meanwhile. */
export function recover(
  machine: Machine,
  store: JournalStore,
  journal: Journal,
): { readonly journal: Journal; readonly foreign: readonly string[] } {
  const { pending, ...rest } = journal;
  if (pending === undefined) return { journal, foreign: [] };
  const foreign: string[] = [];
  for (const { item, from, to } of [...pending].reverse()) {
    const current = readItem(machine, item);
    const isDone = isSameValue(item, current, to);
    const isBack = isSameValue(item, current, from);
    if (!isDone && !isBack) foreign.push(nameOf(item));
    // Also where nothing is to do: a partial file may be left beside it.
    else if (!isBack || item.kind === 'file') writeItem(machine, item, from);
  }
  settle(store, rest);
  return { journal: rest, foreign };
}

/** What could not be put back. */
function putBack(machine: Machine, steps: readonly Step[]): string[] {
  const stuck: string[] = [];
  for (const { item, from } of [...steps].reverse()) {
    try {
      if (!isSameValue(item, readItem(machine, item), from)) writeItem(machine, item, from);
    } catch {
      stuck.push(nameOf(item));
    }
  }
  return stuck;
}

function settle(store: JournalStore, journal: Journal): void {
  if (journal.entries.length === 0) store.clear();
  else store.write(journal);
}

function sentence(cause: unknown): string {
  if (cause instanceof SystemError) return cause.message.replace(/; nothing was changed\.$|\.$/, '');
  const { path } = cause as NodeJS.ErrnoException;
  return `${path === undefined ? 'a file' : path.replace(/\.portico-new$/, '')} cannot be written (${errnoOf(cause)})`;
}
