import { spawnSync } from 'node:child_process';
import { findProgram } from '../find-program.ts';
import { JOURNAL_FOLDER } from './journal.ts';
import type { Machine } from './machine.ts';

/** How each package manager is told; `list` names what is installed, one a line. */
const MANAGERS = [
  {
    name: 'apt-get',
    install: ['install', '--yes'],
    remove: ['purge', '--yes'],
    list: ['dpkg-query', '-W', '-f', `$\{Package}\n`],
  },
  { name: 'dnf', install: ['install', '-y'], remove: ['remove', '-y'], list: ['rpm', '-qa', '--qf', '%{NAME}\\n'] },
  {
    name: 'zypper',
    install: ['--non-interactive', 'install'],
    remove: ['--non-interactive', 'remove'],
    list: ['rpm', '-qa', '--qf', '%{NAME}\\n'],
  },
  { name: 'apk', install: ['add'], remove: ['del'], list: ['apk', 'info', '-q'] },
  { name: 'pacman', install: ['-S', '--noconfirm'], remove: ['-R', '--noconfirm'], list: ['pacman', '-Qq'] },
] as const;

const FILE = `${JOURNAL_FOLDER}/packages.json`;
/** What a package may be called: nothing that a command could take for an option. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9+._-]*$/;

/** The package manager said no; the message is one sentence that says what to do. */
export class PackageError extends Error {
  readonly code = 'PACKAGE';
}

interface Record {
  readonly manager: string;
  /** That came with an install of ours. */
  readonly installed: readonly string[];
}

export interface PackagesDeps {
  readonly machine: Machine;
  readonly env: NodeJS.ProcessEnv;
}

/** Packages that Portico has installed by the system's package manager, written down so that it removes those and no other. */
export class Packages {
  private readonly machine: Machine;
  private readonly env: NodeJS.ProcessEnv;

  constructor({ machine, env }: PackagesDeps) {
    this.machine = machine;
    this.env = env;
  }

  /** The file of a program; undefined: it is not there. */
  find(program: string): string | undefined {
    return findProgram(program, this.env, (folder) => this.machine.at(folder));
  }

  /** The command line that installs the package; undefined: no package manager is known here. */
  installCommand(name: string): readonly string[] | undefined {
    const manager = MANAGERS.find((each) => this.find(each.name) !== undefined);
    return manager === undefined ? undefined : [manager.name, ...manager.install, name];
  }

  /** Returns what was installed with it, itself included. Throws PackageError. */
  install(name: string): readonly string[] {
    const manager = MANAGERS.find((each) => this.find(each.name) !== undefined);
    if (manager === undefined) throw new PackageError(`no package manager is known here; install ${name} by hand.`);
    const before = new Set(this.list(manager));
    this.run([manager.name, ...manager.install, name]);
    const known = this.recorded?.installed ?? [];
    const installed = this.list(manager).filter((each) => !before.has(each));
    if (installed.length > 0) this.write({ manager: manager.name, installed: [...known, ...installed] });
    return installed;
  }

  /** The command line that takes back what was installed; undefined: nothing was. */
  get removeCommand(): readonly string[] | undefined {
    const record = this.recorded;
    const manager = MANAGERS.find(({ name }) => name === record?.manager);
    if (record === undefined || manager === undefined) return undefined;
    const there = new Set(this.list(manager));
    const left = record.installed.filter((name) => there.has(name));
    return left.length === 0 ? undefined : [manager.name, ...manager.remove, ...left];
  }

  /** Throws PackageError. */
  remove(): void {
    const command = this.removeCommand;
    if (command !== undefined) this.run(command);
    this.machine.remove(FILE);
  }

  private get recorded(): Record | undefined {
    try {
      const { manager, installed } = JSON.parse(this.machine.read(FILE) ?? '') as Record;
      return typeof manager === 'string' && installed.every((name) => NAME.test(name))
        ? { manager, installed }
        : undefined;
    } catch {
      return undefined;
    }
  }

  private write(record: Record): void {
    if (!this.machine.exists('/var/lib')) this.machine.makeDirectory('/var/lib');
    if (!this.machine.exists(JOURNAL_FOLDER)) this.machine.makeDirectory(JOURNAL_FOLDER, 0o700);
    this.machine.remove(`${FILE}.new`);
    this.machine.create(`${FILE}.new`, `${JSON.stringify(record)}\n`, 0o600);
    this.machine.rename(`${FILE}.new`, FILE);
  }

  private list({ list: [program, ...args] }: (typeof MANAGERS)[number]): string[] {
    const { stdout } = spawnSync(program, args, { env: this.env, encoding: 'utf8', maxBuffer: 2 ** 26 });
    return (stdout ?? '').split('\n').filter((name) => NAME.test(name));
  }

  private run(command: readonly string[]): void {
    const [program, ...args] = command;
    // What it prints is the person's to see; its standard output is not ours.
    const { status, error } = spawnSync(program!, args, { env: this.env, stdio: ['ignore', 2, 2] });
    if (status !== 0) {
      throw new PackageError(
        `"${command.join(' ')}" failed${error === undefined ? '' : ` (${error.message})`}; run it by hand.`,
      );
    }
  }
}
