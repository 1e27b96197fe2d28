import { spawnSync } from 'node:child_process';
import { closeSync, constants, fstatSync, openSync, statSync } from 'node:fs';
import { JOURNAL_FOLDER } from './journal.ts';
import type { Machine } from './machine.ts';
import { errnoOf, SystemError } from './system-error.ts';

const HELD_ELSEWHERE = 1;
/** Everybody may read the journal, whose name is known; only root may open the folder, and so lock it. */
const FOLDER_MODE = 0o711;
const TRIES = 5;

/**
 * Runs `fn` while nobody else changes the settings of this machine. The lock is flock(2) on the journal's folder, which is made where it is
 * missing: it goes with the process however that ends, and leaves no file behind. Node has no flock of its own; that of util-linux locks
 * the open file, and so on behalf of whoever handed it over. Throws SystemError, or what `fn` throws.
 */
export function withSystemLock<T>(machine: Machine, fn: () => T): T {
  const fd = take(machine);
  try {
    return fn();
  } finally {
    // Where nothing is left to take back, the folder goes too.
    if (machine.list(JOURNAL_FOLDER).length === 0) removeFolder(machine);
    closeSync(fd);
  }
}

export function underWay(): SystemError {
  return new SystemError('SYSTEM_LOCKED', 'another apply or undo is under way; try again when it is done.');
}

/** Whether somebody else changes the settings now, as far as this process may know. Changes nothing. */
export function isSystemLocked(machine: Machine): boolean {
  if (!machine.exists(JOURNAL_FOLDER)) return false;
  let fd: number;
  try {
    fd = openFolder(machine);
  } catch {
    return false;
  }
  const { status } = tryLock(fd, '-s');
  closeSync(fd);
  return status === HELD_ELSEWHERE;
}

function tryLock(fd: number, kind: '-s' | '-x'): { readonly status: number | null; readonly error?: Error } {
  return spawnSync('flock', ['-n', kind, '3'], { stdio: ['ignore', 'ignore', 'ignore', fd] });
}

function openFolder(machine: Machine): number {
  return openSync(machine.at(JOURNAL_FOLDER), constants.O_RDONLY | constants.O_DIRECTORY);
}

function take(machine: Machine): number {
  for (let i = 0; i < TRIES; i++) {
    const fd = open(machine);
    const { status, error } = tryLock(fd, '-x');
    if (status === 0 && isStillThere(machine, fd)) return fd;
    closeSync(fd);
    if (error !== undefined) {
      throw new SystemError('SYSTEM_PERMISSION', 'the command flock is missing; install util-linux.', { cause: error });
    }
    if (status === HELD_ELSEWHERE) {
      throw underWay();
    }
  }
  throw new SystemError('SYSTEM_LOCKED', 'other applies and undos keep coming in between; try again.');
}

function open(machine: Machine): number {
  try {
    if (!machine.exists(JOURNAL_FOLDER)) machine.makeDirectory(JOURNAL_FOLDER, FOLDER_MODE);
  } catch (cause) {
    if (errnoOf(cause) !== 'EEXIST') {
      const isDenied = ['EACCES', 'EPERM', 'EROFS'].includes(errnoOf(cause));
      throw new SystemError(
        isDenied ? 'SYSTEM_PERMISSION' : 'SYSTEM_DISK',
        `the folder ${JOURNAL_FOLDER} for the journal cannot be made (${errnoOf(cause)}); nothing was changed.`,
        { cause },
      );
    }
  }
  try {
    return openFolder(machine);
  } catch (cause) {
    throw new SystemError(
      'SYSTEM_PERMISSION',
      `the folder ${JOURNAL_FOLDER} of the journal cannot be opened (${errnoOf(cause)}); run as root.`,
      { cause },
    );
  }
}

/** Whoever had it before may have removed it meanwhile. */
function isStillThere(machine: Machine, fd: number): boolean {
  try {
    return statSync(machine.at(JOURNAL_FOLDER)).ino === fstatSync(fd).ino;
  } catch {
    return false;
  }
}

function removeFolder(machine: Machine): void {
  try {
    machine.removeDirectory(JOURNAL_FOLDER);
  } catch {
    // Somebody else has just begun there.
  }
}
