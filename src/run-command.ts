import { formatFault } from '../config/fault.ts';
import { banner } from './banner.ts';
import { explainError, loadCommandConfig } from './command-config.ts';
import { describeEvent } from './event-log.ts';
import { type Portico, startPortico } from './start-portico.ts';
import { startSuccessor } from './start-successor.ts';
import { loadUws } from './worker/uws.ts';

const FINE = 0;
const FAILED = 1;
/** In the environment of a process that is to take over from the one that runs. */
const UPGRADE = 'PORTICO_UPGRADE';

const log = (message: string): void => void process.stderr.write(`portico: ${message}\n`);

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
  let onReplaced = (): void => {};
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
      onReplaced: () => onReplaced(),
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
  onReload = () => void portico.reload();
  if (isReloadDue) onReload();
  onUpgrade = () => startSuccessor({ env: { ...process.env, [UPGRADE]: '1' }, log });
  return new Promise((resolve) => {
    onSignal = () => {
      log('draining; Ctrl-C again stops at once');
      onSignal = () => void portico.kill().finally(() => resolve(FAILED));
      void portico.stop().then(() => resolve(FINE));
    };
    onStopAsked = onSignal;
    onReplaced = () => resolve(FINE);
    process.stdout.write(banner(portico));
  });
}
