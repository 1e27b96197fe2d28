import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism, networkInterfaces } from 'node:os';
import { dirname, isAbsolute, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { formatFault } from '../config/fault.ts';
import { loadConfig } from '../config/load.ts';
import { readPortSettings } from '../lb/kernel/port-settings.ts';
import { FlagError } from './flag-error.ts';
import { canNotify } from './service-manager.ts';
import { DEFAULT_TARGET, type Demand, demandOf, plainDemand } from './system/demand.ts';
import { Machine } from './system/machine.ts';
import { MAX_PLANES } from './system/needs.ts';
import { UNIT_FILE } from './system/owned-files.ts';
import { renderChanges, renderPlan } from './system/render-changes.ts';
import { renderReport } from './system/render-report.ts';
import type { SystemReport } from './system/report.ts';
import { parseNeighbours } from './system/setup/candidates.ts';
import { configText, type SetupAnswers } from './system/setup/config-text.ts';
import { askSetup, type SetupFlags } from './system/setup/questions.ts';
import { unitText } from './system/setup/unit-text.ts';
import { wantHaproxy } from './system/setup/want-haproxy.ts';
import { SystemError } from './system/system-error.ts';
import type { SystemTuner } from './system/tuner.ts';
import { explainFailure, parseCount, type SystemFlags, screen, tunerFor } from './system-commands.ts';

export interface SetupCommandFlags extends SystemFlags, SetupFlags {
  /** Where portico.yaml goes. */
  readonly output?: string | undefined;
  readonly unit?: boolean | undefined;
}

const FINE = 0;
const FAILED = 1;
const SERVICE_CONFIG = '/etc/portico/portico.yaml';
const NOFILE = 1_024_000;
/** Uneven shares. */
const ROOMY = 1.1;

type Way = 'all' | 'choose' | 'commands' | 'nothing';

/** `portico setup`: asks, shows, changes, and writes a config that fits. Every question has a flag; with `--yes` the first answer counts. */
export async function setup(flags: SetupCommandFlags): Promise<number> {
  const isAsking = flags.yes !== true && flags['dry-run'] !== true;
  if (isAsking && process.stdin.isTTY !== true) throw new FlagError('setup asks questions: say --yes, or --dry-run');
  const prompts = isAsking ? await import('./system/setup/prompts.ts') : undefined;
  try {
    return await walkThrough(flags, prompts);
  } catch (error) {
    if ((error as { code?: unknown }).code === 'CANCELLED') return FAILED;
    if (error instanceof SystemError) return explainFailure(error, false);
    throw error;
  }
}

type Prompts = typeof import('./system/setup/prompts.ts');

async function walkThrough(flags: SetupCommandFlags, prompts: Prompts | undefined): Promise<number> {
  const machine = new Machine(flags.root);
  const tuner = tunerFor(flags);
  const asker = prompts === undefined ? undefined : { text: prompts.askText, one: prompts.askOne };
  const connections = parseCount(
    flags.for ??
      (asker === undefined
        ? String(DEFAULT_TARGET)
        : await asker.text('How many connections at once?', String(DEFAULT_TARGET), (value) => whyNoCount(value))),
    '--for',
  );
  const answers = await askSetup(flags, connections, readMachine(machine), asker);
  const planes = choosePlanes(tuner.inspect(plainDemand(connections, { engines: new Set([answers.engine]) })));
  const text = configText({ ...answers, planes });
  const demand = demandOfText(text, connections, machine);
  const report = tuner.inspect(demand);
  process.stdout.write(`\n${renderReport(report, { ...screen(flags), isBrief: true })}`);

  if (answers.engine === 'haproxy') {
    await wantHaproxy({
      machine,
      env: process.env,
      isDryRun: flags['dry-run'] === true,
      askYesNo: prompts?.askYesNo,
      print: (line) => void process.stdout.write(`${line}\n`),
    });
  }
  const only = await choose(report, flags, prompts);
  const hasUnit = await wantsUnit(report, flags, prompts);
  const output = place(flags.output ?? (hasUnit ? SERVICE_CONFIG : 'portico.yaml'), machine);
  if (output.isThere()) throw new FlagError(`${output.shown} is there already; give another file with --output`);
  const files = new Map(hasUnit ? [[UNIT_FILE, unitFor(answers, resolve(output.shown))]] : []);
  if (flags['dry-run'] === true) {
    process.stdout.write(renderPlan(tuner.apply(demand, { only, files, isDryRun: true }), 'apply', screen(flags)));
    process.stdout.write(`\nTo write ${output.shown}:\n\n${text}`);
    return FINE;
  }
  const status = change(tuner, demand, { only, files }, flags);
  output.write(text);
  process.stdout.write(
    `Written: ${output.shown}\nNext: ${hasUnit ? 'systemctl enable --now portico' : `portico run -c ${output.shown}`}\n`,
  );
  return status;
}

/** What root alone may do is said; the config is written all the same. */
function change(
  tuner: SystemTuner,
  demand: Demand,
  options: { readonly only: readonly string[]; readonly files: ReadonlyMap<string, string> },
  flags: SystemFlags,
): number {
  if (options.only.length === 0 && options.files.size === 0) return FINE;
  try {
    process.stdout.write(renderChanges(tuner.apply(demand, options), 'apply', screen(flags)));
    return FINE;
  } catch (error) {
    if (!(error instanceof SystemError) || error.code !== 'SYSTEM_PERMISSION') throw error;
    return explainFailure(error, false);
  }
}

/** The ids of what is to be changed. */
async function choose({ findings }: SystemReport, flags: SystemFlags, prompts: Prompts | undefined): Promise<string[]> {
  const doable = findings.filter(({ by }) => by === 'portico' || by === 'root');
  const all = doable.map(({ id }) => id);
  const named = flags.only?.flatMap((text) => text.split(','));
  if (named !== undefined) return named;
  if (prompts === undefined || doable.length === 0) return all;
  const way: Way = await prompts.askOne(`${doable.length} settings can be changed. What now?`, [
    { value: 'all', label: 'change them all', hint: 'portico undo puts everything back' },
    { value: 'choose', label: 'let me choose' },
    { value: 'commands', label: 'show me the commands', hint: 'changes nothing' },
    { value: 'nothing', label: 'leave everything as it is' },
  ]);
  switch (way) {
    case 'all':
      return all;
    case 'choose':
      return prompts.askSome(
        'Which ones?',
        doable.map(({ id, current, wanted, risk }) => ({
          value: id,
          label: `${id}: ${current ?? 'not set'}; wanted ${wanted}`,
          hint: `risk: ${risk}`,
        })),
      );
    case 'commands':
      process.stdout.write(`\n${doable.flatMap(({ commands }) => commands).join('\n')}\n\n`);
      return [];
    case 'nothing':
      return [];
    default:
      return way satisfies never;
  }
}

async function wantsUnit(
  { facts }: SystemReport,
  flags: SetupCommandFlags,
  prompts: Prompts | undefined,
): Promise<boolean> {
  if (flags.unit !== undefined || prompts === undefined || !facts.hasSystemd) return flags.unit === true;
  return prompts.askYesNo('Write a systemd service (portico.service)?', false);
}

function unitFor({ engine, claim, listen }: Omit<SetupAnswers, 'planes'>, config: string): string {
  return unitText({
    command: [process.execPath, fileURLToPath(new URL('./main.js', import.meta.url))],
    config,
    needsNetAdmin: claim || engine === 'kernel',
    needsLowPorts: Number(listen.slice(listen.lastIndexOf(':') + 1)) < 1024,
    nofile: NOFILE,
    notifies: canNotify(),
  });
}

function choosePlanes({ planes, facts }: SystemReport): number {
  return planes > facts.cpuCount ? Math.min(MAX_PLANES, Math.ceil(planes * ROOMY)) : planes;
}

function demandOfText(text: string, connections: number, machine: Machine): Demand {
  const loaded = loadConfig(text, { file: 'portico.yaml', directory: '/', cpuCount: availableParallelism() });
  if (!loaded.ok) throw new FlagError(`these answers make no config:\n${loaded.faults.map(formatFault).join('\n')}`);
  return demandOf(
    loaded.config,
    connections,
    readPortSettings((path) => machine.read(path) ?? ''),
  );
}

function readMachine(machine: Machine) {
  const addresses = Object.entries(networkInterfaces()).flatMap(([name, list = []]) =>
    list
      .filter(({ internal, family }) => !internal && family === 'IPv4')
      .map(({ address, cidr }) => ({ interface: name, address, prefixLength: Number(cidr?.split('/')[1] ?? 32) })),
  );
  return {
    addresses,
    neighbours: parseNeighbours(machine.read('/proc/net/arp') ?? ''),
    cpuCount: availableParallelism(),
  };
}

function whyNoCount(text: string): string | undefined {
  try {
    parseCount(text, 'This');
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

/** An absolute path is one below the root of the machine, any other one of the folder that this runs in. */
function place(shown: string, machine: Machine) {
  const path = isAbsolute(shown) ? machine.at(shown) : shown;
  return {
    shown,
    isThere: (): boolean => (isAbsolute(shown) ? machine : new Machine(process.cwd())).exists(shown),
    write: (text: string): void => {
      mkdirSync(dirname(path), { recursive: true });
      // Never over a file that has come in between, and on the disk before anybody is told that it is there.
      writeFileSync(path, text, { flag: 'wx', flush: true });
    },
  };
}
