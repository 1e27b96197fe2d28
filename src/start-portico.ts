import type { ConfigChange } from '../admin/config-source.ts';
import type { Config } from '../config/config.ts';
import { formatFault } from '../config/fault.ts';
import { systemClock } from '../lb/clock.ts';
import type { PorticoEvent } from './event-log.ts';
import { ConfigError, loadConfigFile } from './load-config-file.ts';
import { Primary } from './primary.ts';

/** A running Portico. */
export interface Portico {
  /** The one in force. */
  readonly config: Config;
  /** The bound port of each listener, by name. */
  readonly ports: Readonly<Record<string, number>>;
  /** URL or socket path of the admin server. */
  readonly adminAddress: string;
  /** Calls `listener` for whatever happens; returns a function that ends it. */
  subscribe(listener: (event: PorticoEvent) => void): () => void;
  /** Log files were moved away: goes on in new ones of the same names. */
  reopenLogs(): void;
  /** Reads the config file anew, and makes it what runs: all of it or nothing. Undefined where there is no file. */
  reload(): Promise<ConfigChange> | undefined;
  /** Drains and stops; resolves when every process is gone. Idempotent. */
  stop(): Promise<void>;
  /** Ends every process at once; resolves when claimed addresses have been let go. */
  kill(): Promise<void>;
}

export interface StartOptions {
  /** A checked config, or the path of a config file. */
  readonly config: Config | string;
  /** The file that a checked config is from, and its text: reloads read it, and changes by the admin API are written into it. */
  readonly source?: { readonly file: string; readonly text: string };
  readonly onEvent?: (event: PorticoEvent) => void;
  /** Gives the start up. */
  readonly signal?: AbortSignal;
}

/**
 * Starts the balancer: planes and workers as child processes, the admin server in this one. Resolves when clients are served. Throws
 * ConfigError, StartError, ClaimError or AdminError; nothing is left running then. Installs no signal handlers and prints nothing.
 */
export async function startPortico({ config, source, onEvent, signal }: StartOptions): Promise<Portico> {
  const loaded = typeof config === 'string' ? read(config) : { config, source };
  const primary = new Primary(
    { clock: systemClock, random: Math.random, epochMs: Date.now },
    loaded.config,
    loaded.source,
  );
  if (onEvent !== undefined) primary.log.subscribe(onEvent);
  await primary.start(signal);
  return {
    get config() {
      return primary.config;
    },
    ports: primary.ports,
    adminAddress: primary.adminAddress,
    subscribe: (listener) => primary.log.subscribe(listener),
    reopenLogs: () => primary.reopenLogs(),
    reload: () => primary.reload(),
    stop: () => primary.stop(),
    kill: () => primary.kill(),
  };
}

function read(file: string): { readonly config: Config; readonly source: StartOptions['source'] } {
  const result = loadConfigFile(file);
  if (!result.ok) throw new ConfigError(result.faults.map(formatFault));
  const { config, text } = result;
  return { config, source: { file, text } };
}
