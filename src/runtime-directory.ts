import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync, readdirSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Clock } from '../lb/clock.ts';
import { StartError } from './start-error.ts';
import { endStrayHaproxy } from './stray-haproxy.ts';

/** sun_path of unix(7) less its final zero. */
const LONGEST_PATH = 107;
/** Room for the longest name in it: `worker-` and the name of a backend, two numbers, `.sock`. */
const LONGEST_NAME = 48;

export interface RuntimeEnvironment {
  readonly env: NodeJS.ProcessEnv;
  readonly uid: number;
  readonly pid: number;
  readonly clock: Clock;
  /** For connections of what a program that was killed has left. */
  readonly drainMs: number;
}

/**
 * Where the processes of one Portico meet, private to its user: the same place for every run with the same config file, so that a run finds
 * what the one before has left. Without a file there is nothing to be known by, and nothing to be found.
 */
export function openRuntimeDirectory(environment: RuntimeEnvironment, file: string | undefined): string {
  const { env, uid, pid } = environment;
  const base = baseDirectory(env, uid);
  const name =
    file === undefined ? `program-${pid}` : createHash('sha256').update(pathOf(file)).digest('hex').slice(0, 12);
  const directory = join(base, name);
  if (directory.length + LONGEST_NAME > LONGEST_PATH) {
    throw new StartError(
      `the runtime directory ${directory} has too long a path; set RUNTIME_DIRECTORY to a shorter one.`,
    );
  }
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const { uid: owner, mode } = lstatSync(directory);
    if (owner !== uid || (mode & 0o077) !== 0) {
      throw new StartError(
        `the runtime directory ${directory} is open to others; remove it, or set RUNTIME_DIRECTORY.`,
      );
    }
    removeDead(base, environment);
  } catch (cause) {
    if (cause instanceof StartError) throw cause;
    const { code } = cause as NodeJS.ErrnoException;
    throw new StartError(`the runtime directory ${directory} cannot be made (${code}); set RUNTIME_DIRECTORY.`, {
      cause,
    });
  }
  return directory;
}

/** systemd names one; elsewhere where the system keeps such things. */
function baseDirectory(env: NodeJS.ProcessEnv, uid: number): string {
  const [given] = (env.RUNTIME_DIRECTORY ?? '').split(':');
  if (given !== undefined && given !== '') return given;
  if (uid === 0) return '/run/portico';
  const own = env.XDG_RUNTIME_DIR;
  return own === undefined || own === '' ? join(tmpdir(), `portico-${uid}`) : join(own, 'portico');
}

function pathOf(file: string): string {
  try {
    return realpathSync(file);
  } catch {
    return resolve(file);
  }
}

/** What programs that were killed have left. */
function removeDead(base: string, { clock, drainMs }: RuntimeEnvironment): void {
  for (const name of readdirSync(base)) {
    const match = /^program-([0-9]+)$/.exec(name);
    if (match !== null && lstatSync(`/proc/${match[1]}`, { throwIfNoEntry: false }) === undefined) {
      endStrayHaproxy(clock, join(base, name), drainMs);
      rmSync(join(base, name), { recursive: true, force: true });
    }
  }
}
