import { setTimeout as wait } from 'node:timers/promises';
import type { components } from '../admin/client/api.ts';
import type { AdminConfig } from '../config/config.ts';
import { AdminClientError, askAdmin } from './admin-client.ts';
import type { AdminCredentials } from './admin-credentials.ts';
import { isRunning } from './process-facts.ts';

/** As long as the old process waits for the new one (`reign.ts`), and what the admin server of the next may take to answer. */
const MOST_MS = 310_000;
const LOOK_MS = 200;
/** The old process ends when the new one has its admin server up: silence after that is the end of both. */
const SILENT_MS = 5000;

type Schemas = components['schemas'];

/** Portico was not replaced, or nobody knows; the message is one sentence that says what to do. */
export class UpgradeError extends Error {
  readonly code = 'UPGRADE';
  readonly source = 'local';
  readonly retryable = true;
}

export interface UpgradeDeps {
  readonly credentials: AdminCredentials;
  readonly print: (line: string) => void;
}

/**
 * Has the Portico that runs with this config replaced by what is installed now, as SIGUSR2 does, and waits until the new process serves and
 * the old one has ended. Throws AdminClientError where none runs, and UpgradeError where the old one goes on.
 */
export async function upgrade({ credentials, print }: UpgradeDeps, admin: AdminConfig): Promise<void> {
  const ask = (path: string): Promise<unknown> => askAdmin(admin, path, credentials);
  const { pid, version } = (await ask('/api/v1/status')) as Schemas['Status'];
  const failuresBefore = await failures(ask);
  try {
    process.kill(pid, 'SIGUSR2');
  } catch (cause) {
    throw new UpgradeError(`process ${pid} may not be signalled; ask as root, or as the user that it runs as.`, {
      cause,
    });
  }
  print(`process ${pid} (${version}) is being replaced`);
  let silentMs = 0;
  for (let waitedMs = 0; waitedMs < MOST_MS; waitedMs += LOOK_MS) {
    await wait(LOOK_MS);
    silentMs = isRunning(pid) ? 0 : silentMs + LOOK_MS;
    if (silentMs > SILENT_MS)
      throw new UpgradeError(
        `process ${pid} has ended, and nobody has taken over; the log of Portico says why. What serves goes on for a while; start Portico.`,
      );
    // Meanwhile nobody may answer: the admin server changes hands, too.
    const found = await Promise.all([failures(ask), ask('/api/v1/status') as Promise<Schemas['Status']>]).catch(
      ifUnreachable,
    );
    if (found === undefined) continue;
    const [failed, status] = found;
    const reason = failed.find(({ id }) => !failuresBefore.some((event) => event.id === id))?.message;
    if (status.pid !== pid && !isRunning(pid)) {
      print(`process ${status.pid} (${status.version}) has taken over`);
      return;
    }
    if (reason !== undefined)
      throw new UpgradeError(`the upgrade failed, and nothing has changed: ${reason}; the log of Portico says why.`);
  }
  throw new UpgradeError(`process ${pid} was not replaced within ${MOST_MS / 1000} s; see the log of Portico.`);
}

async function failures(ask: (path: string) => Promise<unknown>): Promise<readonly Schemas['Event'][]> {
  const { events } = (await ask('/api/v1/events/history?types=alarm&limit=100')) as Schemas['EventHistory'];
  return events.filter(({ data }) => data.kind === 'upgrade');
}

function ifUnreachable(error: unknown): undefined {
  if (!(error instanceof AdminClientError) || !error.retryable) throw error;
}
