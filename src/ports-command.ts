import type { AdminConfig } from '../config/config.ts';
import type { Clock } from '../lb/clock.ts';
import { askAdmin } from './admin-client.ts';
import { credentialsOf } from './admin-credentials.ts';
import { isUtf8 } from './is-utf8.ts';
import { type PortRow, renderPorts } from './ports-table.ts';

export interface PortsCommandOptions {
  readonly source?: string | undefined;
  readonly destination?: string | undefined;
  readonly isJson: boolean;
  readonly isAscii: boolean;
  /** Again every two seconds, until `signal`. */
  readonly isWatching: boolean;
  readonly signal?: AbortSignal;
}

export interface PortsCommandDeps {
  readonly clock: Clock;
  readonly out: {
    readonly isTTY?: boolean;
    readonly columns?: number;
    write(text: string): unknown;
  };
  readonly env: Readonly<Record<string, string | undefined>>;
}

const PERIOD_MS = 2000;
const COLUMNS = 80;
/** Cursor to the top left, then clears from there. */
const CLEAR = '\u001b[H\u001b[2J';

/** Prints how full the source ports of a running Portico are. Resolves when it is printed, or watched enough. Throws AdminClientError. */
export async function showPorts(
  deps: PortsCommandDeps,
  admin: AdminConfig,
  options: PortsCommandOptions,
): Promise<void> {
  const { out } = deps;
  const isTerminal = out.isTTY === true;
  const query = new URLSearchParams();
  if (options.source !== undefined) query.set('source', options.source);
  if (options.destination !== undefined) query.set('destination', options.destination);
  const path = `/api/v1/ports${query.size === 0 ? '' : `?${query}`}`;
  const isStopped = (): boolean => options.signal?.aborted === true;
  for (;;) {
    const answer = (await askAdmin(admin, path, credentialsOf(deps.env))) as {
      readonly ports: readonly PortRow[];
    };
    if (isStopped()) return;
    const text = options.isJson
      ? `${JSON.stringify(answer)}\n`
      : renderPorts(answer.ports, {
          columns: Math.max(COLUMNS, (isTerminal ? out.columns : undefined) ?? COLUMNS),
          isAscii: options.isAscii || !isUtf8(deps.env),
          // https://no-color.org: any value but an empty one.
          isColoured: isTerminal && (deps.env.NO_COLOR ?? '') === '',
        });
    out.write(options.isWatching && isTerminal && !options.isJson ? CLEAR + text : text);
    if (!options.isWatching) return;
    await pause(deps.clock, options.signal);
    if (isStopped()) return;
  }
}

function pause(clock: Clock, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    // Timers of the clock do not keep the process alive; an open port does.
    const { port1 } = new MessageChannel();
    port1.ref();
    const settle = (): void => {
      clock.clear(timer);
      signal?.removeEventListener('abort', settle);
      port1.close();
      resolve();
    };
    const timer = clock.after(PERIOD_MS, settle);
    signal?.addEventListener('abort', settle);
  });
}
