import type { ConfigChange } from '../admin/config-source.ts';
import type { Config } from '../config/config.ts';
import { formatFault } from '../config/fault.ts';
import { systemClock } from '../lb/clock.ts';
import { loadPipeBinding } from '../lb/net/pipe-binding.ts';
import type { PorticoEvent } from './event-log.ts';
import { ConfigError, loadConfigFile } from './load-config-file.ts';
import { Primary } from './primary.ts';
import { Reign } from './reign.ts';
import { openRuntimeDirectory } from './runtime-directory.ts';
import { readRelease } from './version.ts';

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
  /** The process that was to take over has not, for that reason: says so to whoever listens. */
  reportFailedUpgrade(reason: string): void;
  /** Drains and stops; resolves when every process is gone. Idempotent. */
  stop(): Promise<void>;
  /** Ends every process at once; resolves when claimed addresses have been let go. */
  kill(): Promise<void>;
}

export interface StartOptions {
  /** A checked config, or the path of a config file. */
  readonly config: Config | string;
  /**
   * The file that a checked config is from, and its text: reloads read it, and changes by the admin API are written into it. Processes go on
   * when this one is killed, and are taken over by the next start with the same file; without a file, they end with this process.
   */
  readonly source?: { readonly file: string; readonly text: string } | undefined;
  readonly onEvent?: (event: PorticoEvent) => void;
  /** Gives the start up. */
  readonly signal?: AbortSignal;
  /** Takes over from the Portico that runs with the same file, without a lost connection. Default: that is an error. */
  readonly isUpgrade?: boolean;
  /** Another process, started with `isUpgrade`, has taken over; there is nothing left here. */
  readonly onReplaced?: (pid: number) => void;
  /**
   * A process that was to take over has failed, and this one could not go on, for that reason (as the start throws it): there is nothing left
   * here, but what serves clients waits for the next start. Default: the error is thrown where nobody catches it.
   */
  readonly onLost?: (error: Error) => void;
  /** An operator has asked through the API that it stops. Default: it does. */
  readonly onStopAsked?: () => void;
}

/**
 * Starts the balancer: planes and workers as child processes, the admin server in this one. Resolves when clients are served. Throws
 * ConfigError, StartError, ClaimError or AdminError; nothing is left running then but what an earlier run had left. Installs no signal
 * handlers and prints nothing.
 */
export async function startPortico(options: StartOptions): Promise<Portico> {
  const { onEvent, signal, isUpgrade, onReplaced = () => {}, onLost = throwUncaught } = options;
  const onStopAsked = options.onStopAsked ?? (() => void reign.stop());
  const loaded = typeof options.config === 'string' ? read(options.config) : { ...options, config: options.config };
  const { config, source } = loaded;
  const { pid, env } = process;
  const lineage = {
    binding: loadPipeBinding(),
    directory: openRuntimeDirectory(
      { env, pid, uid: process.getuid!(), clock: systemClock, drainMs: config.drainTimeoutMs },
      source?.file,
    ),
    release: readRelease(),
    outliveMs: source === undefined ? 0 : config.outlivePrimaryMs,
    heartbeatMs: config.heartbeatMs,
  };
  const listeners = new Set<(event: PorticoEvent) => void>(onEvent === undefined ? [] : [onEvent]);
  let primary: Primary | undefined;
  const reign = new Reign({
    clock: systemClock,
    onReplaced,
    onLost,
    create: (onSuccessor) => {
      // After a successor that has failed, it goes on by what ran.
      primary = new Primary(
        { clock: systemClock, random: Math.random, epochMs: Date.now, pid, lineage, onSuccessor, onStopAsked },
        primary?.config ?? config,
        primary?.source ?? source,
      );
      primary.log.subscribe((event) => {
        for (const listener of listeners) listener(event);
      });
      return primary;
    },
  });
  await reign.start({ signal, isUpgrade });
  return {
    get config() {
      return reign.primary.config;
    },
    ports: reign.primary.ports,
    adminAddress: reign.primary.adminAddress,
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    reopenLogs: () => reign.primary.reopenLogs(),
    reload: () => reign.primary.reload(),
    reportFailedUpgrade: (reason) => reign.primary.log.emit({ type: 'upgrade-failed', reason }),
    stop: () => reign.stop(),
    kill: () => reign.primary.kill(),
  };
}

function throwUncaught(error: Error): never {
  throw error;
}

function read(file: string): { readonly config: Config; readonly source: StartOptions['source'] } {
  const result = loadConfigFile(file);
  if (!result.ok) throw new ConfigError(result.faults.map(formatFault));
  const { config, text } = result;
  return { config, source: { file, text } };
}
