import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname } from 'node:path';
import type { Config } from '../config/config.ts';
import { formatFault } from '../config/fault.ts';
import { type LoadResult, loadConfig } from '../config/load.ts';
import { systemClock } from '../lb/clock.ts';
import type { PorticoEvent } from './event-log.ts';
import { Primary } from './primary.ts';

/** The config cannot be used; `faults` has a line for each reason. */
export class ConfigError extends Error {
  readonly code = 'CONFIG';
  readonly source = 'config';
  readonly retryable = false;
  readonly faults: readonly string[];

  constructor(faults: readonly string[]) {
    super(faults.join('\n'));
    this.faults = faults;
  }
}

/** Reads and checks a config file. Throws ConfigError where it cannot be read. */
export function loadConfigFile(file: string): LoadResult {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? 'there is no such file' : code === 'EACCES' ? 'you may not read it' : code;
    throw new ConfigError([`${file}: ${why}`]);
  }
  return loadConfig(text, { file, directory: dirname(file), cpuCount: availableParallelism() });
}

/** A running Portico. */
export interface Portico {
  readonly config: Config;
  /** The bound port of each listener, by name. */
  readonly ports: Readonly<Record<string, number>>;
  /** URL or socket path of the admin server. */
  readonly adminAddress: string;
  /** Calls `listener` for whatever happens; returns a function that ends it. */
  subscribe(listener: (event: PorticoEvent) => void): () => void;
  /** Drains and stops; resolves when every process is gone. Idempotent. */
  stop(): Promise<void>;
  /** Ends every process at once; resolves when claimed addresses have been let go. */
  kill(): Promise<void>;
}

export interface StartOptions {
  /** A checked config, or the path of a config file. */
  readonly config: Config | string;
  readonly onEvent?: (event: PorticoEvent) => void;
  /** Gives the start up. */
  readonly signal?: AbortSignal;
}

/**
 * Starts the balancer: planes and workers as child processes, the admin server in this one. Resolves when clients are served. Throws
 * ConfigError, StartError, ClaimError or AdminError; nothing is left running then. Installs no signal handlers and prints nothing.
 */
export async function startPortico({ config, onEvent, signal }: StartOptions): Promise<Portico> {
  const primary = new Primary(
    { clock: systemClock, random: Math.random },
    typeof config === 'string' ? read(config) : config,
  );
  if (onEvent !== undefined) primary.log.subscribe(onEvent);
  await primary.start(signal);
  return {
    config: primary.config,
    ports: primary.ports,
    adminAddress: primary.adminAddress,
    subscribe: (listener) => primary.log.subscribe(listener),
    stop: () => primary.stop(),
    kill: () => primary.kill(),
  };
}

function read(file: string): Config {
  const result = loadConfigFile(file);
  if (!result.ok) throw new ConfigError(result.faults.map(formatFault));
  return result.config;
}
