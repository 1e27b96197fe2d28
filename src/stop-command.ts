import { setTimeout as wait } from 'node:timers/promises';
import type { Config } from '../config/config.ts';
import { releaseClaimed } from '../lb/claim/release-claimed.ts';
import { openNftLibrary } from '../lb/nat/nft-library.ts';
import { removeNatTable } from '../lb/nat/remove-nat-table.ts';
import { AdminClientError, askAdmin } from './admin-client.ts';
import { isRunning } from './process-facts.ts';

/** Beyond the time that a drain may take. */
const SPARE_MS = 15_000;
const LOOK_MS = 50;

/** The primary was told to stop and has not; the message is one sentence that says what to do. */
export class StopError extends Error {
  readonly code = 'STOP';
  readonly source = 'local';
  readonly retryable = true;
}

export interface StopOptions {
  /** Remove what is meant to outlive Portico: the rules of the kernel engine, and claimed addresses. */
  readonly isFlushing: boolean;
  readonly print: (line: string) => void;
}

/**
 * Stops the Portico that this config is of, and waits until it has. Without one that runs it rejects, unless what it left behind is to be
 * removed. Throws AdminClientError, StopError, NftUnavailableError, ClaimError.
 */
export async function stop(config: Config, { isFlushing, print }: StopOptions): Promise<void> {
  const pid = await runningPid(config, isFlushing);
  if (pid === undefined) print('Portico is not running');
  else {
    await end(pid, config.drainTimeoutMs + SPARE_MS);
    print(`stopped process ${pid}`);
  }
  if (!isFlushing) return;
  if (config.listeners.some(({ engine }) => engine === 'kernel')) print(flushRules());
  const interfaces = new Set(config.sources.filter(({ claim }) => claim).map((pool) => pool.interface));
  if (interfaces.size === 0) return;
  const released = await releaseClaimed(interfaces);
  print(released.length === 0 ? 'no claimed addresses were left' : `released ${released.join(', ')}`);
}

async function runningPid({ admin }: Config, mayBeGone: boolean): Promise<number | undefined> {
  try {
    const { pid } = (await askAdmin(admin, '/api/v1/status')) as { pid: number };
    return pid;
  } catch (error) {
    if (mayBeGone && error instanceof AdminClientError && error.code === 'ADMIN_UNREACHABLE') return undefined;
    throw error;
  }
}

async function end(pid: number, mostMs: number): Promise<void> {
  try {
    process.kill(pid, 'SIGTERM');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ESRCH') return;
    throw new StopError(`process ${pid} may not be signalled; ask as root, or as the user that it runs as.`, { cause });
  }
  for (let waitedMs = 0; waitedMs < mostMs; waitedMs += LOOK_MS) {
    if (!isRunning(pid)) return;
    await wait(LOOK_MS);
  }
  throw new StopError(`process ${pid} has not ended; it still drains, or hangs.`);
}

function flushRules(): string {
  const nft = openNftLibrary();
  try {
    return removeNatTable(nft)
      ? 'removed the rules of the kernel engine; connections through them are over'
      : 'no rules of the kernel engine were left';
  } finally {
    nft.close();
  }
}
