import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { readPortSettings } from '../lb/kernel/port-settings.ts';
import { FlagError } from './flag-error.ts';
import { isUtf8 } from './is-utf8.ts';
import { DEFAULT_TARGET, type Demand, demandOf, plainDemand } from './system/demand.ts';
import { Machine } from './system/machine.ts';
import { PackageError, Packages } from './system/packages.ts';
import { renderChanges, renderPlan } from './system/render-changes.ts';
import { type RenderOptions, renderReport } from './system/render-report.ts';
import { countSeverity } from './system/report.ts';
import { reportJson } from './system/report-json.ts';
import { SystemError } from './system/system-error.ts';
import { reloadServices } from './system/systemd.ts';
import { type ChangeResult, SystemTuner } from './system/tuner.ts';

const FINE = 0;
const FAILED = 1;
const COLUMNS = 80;

/** The flags of these commands, as `parseArgs` has them. */
export interface SystemFlags {
  readonly config?: string | undefined;
  readonly for?: string | undefined;
  readonly json?: boolean | undefined;
  readonly ascii?: boolean | undefined;
  readonly yes?: boolean | undefined;
  readonly 'dry-run'?: boolean | undefined;
  readonly root?: string | undefined;
  readonly only?: readonly string[] | undefined;
}

/** `portico check`. Resolves with the exit status: 1 where something is to be put right. */
export async function check(flags: SystemFlags): Promise<number> {
  const tuner = tunerFor(flags);
  const report = tuner.inspect(await demandFor(flags));
  const { findings } = report;
  if (flags.json === true) process.stdout.write(`${JSON.stringify(reportJson(report))}\n`);
  else process.stdout.write(renderReport(report, screen(flags)));
  return countSeverity(findings, 'warn') + countSeverity(findings, 'fail') === 0 ? FINE : FAILED;
}

/** `portico apply`. */
export async function apply(flags: SystemFlags): Promise<number> {
  const demand = await demandFor(flags);
  const only = idsOf(flags);
  return change(flags, {
    what: 'apply',
    run: (tuner, isDryRun) => tuner.apply(demand, { only, isDryRun }),
  });
}

/** `portico undo`. */
export async function undo(flags: SystemFlags): Promise<number> {
  const only = idsOf(flags);
  const status = await change(flags, { what: 'undo', run: (tuner, isDryRun) => tuner.undo({ only, isDryRun }) });
  return status === FINE && only === undefined ? removePackages(flags) : status;
}

/** Those that setup has installed. */
async function removePackages(flags: SystemFlags): Promise<number> {
  const packages = new Packages({ machine: new Machine(flags.root), env: process.env });
  const command = packages.removeCommand;
  if (command === undefined) return FINE;
  const line = command.join(' ');
  if (flags.json !== true) process.stdout.write(`To remove what setup has installed: ${line}\n`);
  if (flags['dry-run'] === true) return FINE;
  if (flags.yes !== true) {
    if (process.stdin.isTTY !== true || flags.json === true)
      throw new FlagError('undo removes packages: say --yes, or --dry-run');
    const { askYesNo } = await import('./system/setup/prompts.ts');
    if (!(await askYesNo(`Run "${line}"?`))) return FINE;
  }
  try {
    packages.remove();
    return FINE;
  } catch (error) {
    if (!(error instanceof PackageError)) throw error;
    process.stderr.write(`portico: ${error.message}\n`);
    return FAILED;
  }
}

interface ChangeCommand {
  readonly what: 'apply' | 'undo';
  readonly run: (tuner: SystemTuner, isDryRun: boolean) => ChangeResult;
}

async function change(flags: SystemFlags, { what, run }: ChangeCommand): Promise<number> {
  const tuner = tunerFor(flags);
  const isJson = flags.json === true;
  try {
    const plan = run(tuner, true);
    const isDryRun = flags['dry-run'] === true;
    if (isDryRun || !isJson) process.stdout.write(isJson ? asJson(plan, true) : renderPlan(plan, what, screen(flags)));
    if (isDryRun) return FINE;
    if (flags.yes !== true && plan.changed.length > 0) {
      if (process.stdin.isTTY !== true || isJson)
        throw new FlagError(`${what} changes this machine: say --yes, or --dry-run`);
      const { askYesNo } = await import('./system/setup/prompts.ts');
      if (!(await askYesNo('Make these changes?'))) {
        process.stdout.write('Nothing was changed.\n');
        return FAILED;
      }
    }
    const result = run(tuner, false);
    process.stdout.write(isJson ? asJson(result, false) : renderChanges(result, what, screen(flags)));
    return FINE;
  } catch (error) {
    return explainFailure(error, isJson);
  }
}

const asJson = (result: ChangeResult, isDryRun: boolean): string =>
  `${JSON.stringify({ dry_run: isDryRun, ...result })}\n`;

export function explainFailure(error: unknown, isJson: boolean): number {
  if (!(error instanceof SystemError)) throw error;
  const { code, message, commands } = error;
  if (isJson) process.stdout.write(`${JSON.stringify({ code, message, commands })}\n`);
  process.stderr.write(`portico: ${message}\n`);
  if (!isJson && commands.length > 0) {
    process.stderr.write(
      `\nAs root, either run the same with sudo, or type:\n\n${commands.map((line) => `  ${line}\n`).join('')}`,
    );
  }
  return FAILED;
}

export function tunerFor({ root = '/' }: SystemFlags): SystemTuner {
  if (!existsSync(root)) throw new FlagError(`there is no folder "${root}" for --root`);
  return new SystemTuner(
    { machine: new Machine(root), reloadServices: root === '/' ? reloadServices : () => {} },
    { cpuCount: availableParallelism(), isRoot: process.geteuid?.() === 0 },
  );
}

/** What the config asks for, where there is one. The loader is large, so it comes only with a file. */
export async function demandFor(flags: SystemFlags): Promise<Demand> {
  const connections = parseCount(flags.for ?? String(DEFAULT_TARGET), '--for');
  const file = flags.config ?? (existsSync('portico.yaml') ? 'portico.yaml' : undefined);
  if (file === undefined) return plainDemand(connections);
  const { loadCommandConfig } = await import('./command-config.ts');
  const machine = new Machine(flags.root);
  return demandOf(
    loadCommandConfig(file).config,
    connections,
    readPortSettings((path) => machine.read(path) ?? ''),
  );
}

/** 200000, 200k, 1m. Throws FlagError. */
export function parseCount(text: string, flag: string): number {
  const match = /^(\d{1,9})([kKmM]?)$/.exec(text.replaceAll(/[_,]/g, ''));
  const value = match === null ? 0 : Number(match[1]) * { '': 1, k: 1000, m: 1_000_000 }[match[2]!.toLowerCase()]!;
  if (value < 1 || value > 100_000_000) {
    throw new FlagError(`${flag} takes a number of connections such as 200000, 200k or 1m, not "${text}"`);
  }
  return value;
}

/** Comma or repeated flag; undefined for all. */
function idsOf({ only }: SystemFlags): string[] | undefined {
  return only?.flatMap((text) => text.split(',')).filter((id) => id !== '');
}

export function screen(flags: SystemFlags): RenderOptions {
  const { stdout, env } = process;
  return {
    columns: Math.max(COLUMNS, stdout.columns ?? COLUMNS),
    isAscii: flags.ascii === true || !isUtf8(env),
    // https://no-color.org: any value but an empty one.
    isColoured: stdout.isTTY === true && (env.NO_COLOR ?? '') === '',
  };
}
