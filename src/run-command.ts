import type { Config } from '../config/config.ts';
import { formatFault } from '../config/fault.ts';
import { systemClock } from '../lb/clock.ts';
import { banner } from './banner.ts';
import { explainError, loadCommandConfig } from './command-config.ts';
import { describeEvent } from './event-log.ts';
import { ServiceManager } from './service-manager.ts';
import { type Portico, startPortico } from './start-portico.ts';
import { startSuccessor } from './start-successor.ts';
import { loadUws } from './worker/uws.ts';

const FINE = 0;
const FAILED = 1;
/** In the environment of a process that is to take over from the one that runs. */
const UPGRADE = 'PORTICO_UPGRADE';

const log = (message: string): void => void process.stderr.write(`portico: ${message}\n`);

/** Beyond what a drain may take: claimed addresses are let go, the last lines of logs are written. */
const STOP_SPARE_MS = 15_000;

function stopTimeMs({ drainDelayMs = 0, drainTimeoutMs }: Config): number {
  // Workers end after the planes, within the same time again.
  return drainDelayMs + 2 * drainTimeoutMs + STOP_SPARE_MS;
}

/** `portico run`. Resolves with the exit status when Portico has stopped. */
export async function run(file: string | undefined): Promise<number> {
  const starting = new AbortController();
  // From the first moment to the last one and the same handler: while none is installed, a signal would end this process alone, and leave
  // planes, workers and claimed addresses behind.
  let onSignal = (): void => {
    onSignal = () => process.exit(FAILED);
    starting.abort();
  };
  process.on('SIGINT', () => onSignal()).on('SIGTERM', () => onSignal());
  // Installed at once, too: Node would open its debugger on this signal.
  let onReopen = (): void => {};
  process.on('SIGUSR1', () => onReopen());
  let isReloadDue = false;
  let onReload = (): void => {
    isReloadDue = true;
  };
  process.on('SIGHUP', () => onReload());
  let onUpgrade = (): void => {};
  process.on('SIGUSR2', () => onUpgrade());
  const isUpgrade = process.env[UPGRADE] !== undefined;
  // What is started from here on is no upgrade.
  delete process.env[UPGRADE];
  const manager = new ServiceManager({
    clock: systemClock,
    env: process.env,
    monotonicUs: () => process.hrtime.bigint() / 1000n,
    onNotice: log,
  });
  let onReplaced = (_pid: number): void => {};
  let onLost = (_error: Error): void => {};
  let onStopAsked = (): void => {};
  let portico: Portico;
  try {
    const loaded = loadCommandConfig(file);
    // Asked here, so that a machine that it has no build for is told so before anything starts.
    if (loaded.config.backends.some(({ workers }) => workers !== undefined)) loadUws();
    for (const warning of loaded.warnings) log(`warning: ${formatFault(warning)}`);
    portico = await startPortico({
      config: loaded.config,
      source: loaded,
      isUpgrade,
      onReplaced: (pid) => onReplaced(pid),
      onLost: (error) => onLost(error),
      onStopAsked: () => onStopAsked(),
      onEvent: (event) => log(describeEvent(event)),
      signal: starting.signal,
    });
  } catch (error) {
    if (starting.signal.aborted) return FINE;
    process.stderr.write(`${explainError(error)}\n`);
    return FAILED;
  }
  onReopen = () => portico.reopenLogs();
  onReload = () => {
    manager.reloading('Reloading');
    void Promise.resolve(portico.reload()).finally(() => manager.ready());
  };
  if (isReloadDue) onReload();
  onUpgrade = () => {
    manager.reloading('Upgrading');
    startSuccessor({
      env: { ...process.env, [UPGRADE]: '1' },
      log,
      onFailed: (reason) => {
        portico.reportFailedUpgrade(reason);
        manager.ready();
      },
    });
  };
  // Of an upgrade the process before tells, as nobody else is heard until then; what is said too early is thrown away.
  manager.ready();
  return new Promise((resolve) => {
    onSignal = () => {
      log('draining; Ctrl-C again stops at once');
      manager.stopping(stopTimeMs(portico.config));
      onSignal = () => void portico.kill().finally(() => resolve(FAILED));
      void portico.stop().then(() => resolve(FINE));
    };
    onStopAsked = onSignal;
    onReplaced = (pid) => {
      manager.handOver(pid);
      resolve(FINE);
    };
    onLost = (error) => {
      process.stderr.write(`${explainError(error)}\n`);
      resolve(FAILED);
    };
    process.stdout.write(banner(portico));
  });
}
