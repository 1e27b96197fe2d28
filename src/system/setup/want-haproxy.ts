import { HaproxyError, HaproxyProgram } from '../../haproxy-program.ts';
import type { Machine } from '../machine.ts';
import { PackageError, Packages } from '../packages.ts';

const NAME = 'haproxy';

export interface WantHaproxyDeps {
  readonly machine: Machine;
  readonly env: NodeJS.ProcessEnv;
  readonly isDryRun: boolean;
  /** Absent: nobody is asked. */
  readonly askYesNo: ((question: string, isYes: boolean) => Promise<boolean>) | undefined;
  readonly print: (line: string) => void;
}

/** HAProxy is installed, if it is not there and the person agrees; what is there is looked at. The service of the distribution is not used. */
export async function wantHaproxy({ machine, env, isDryRun, askYesNo, print }: WantHaproxyDeps): Promise<void> {
  const packages = new Packages({ machine, env });
  const there = env.PORTICO_HAPROXY ?? packages.find(NAME);
  if (there !== undefined) return print(await describe(there));
  const command = packages.installCommand(NAME);
  if (command === undefined) {
    return print('HAProxy is not installed, and no package manager is known here: install 2.6 or newer by hand.');
  }
  const line = command.join(' ');
  print(`HAProxy is not installed. To install it: ${line}`);
  if (isDryRun) return;
  if (askYesNo !== undefined && !(await askYesNo(`Run "${line}"?`, true))) return;
  if (machine.root === '/' && process.geteuid?.() !== 0) {
    return print('That takes root: run it with sudo, and then setup again.');
  }
  try {
    const installed = packages.install(NAME);
    const file = packages.find(NAME);
    if (installed.length > 0) print(`Installed: ${installed.join(', ')}; portico undo removes it.`);
    if (file !== undefined) return print(await describe(file));
    print(
      `The package ${NAME} is installed, but there is no program of that name in PATH or /usr/sbin: ` +
        'install the package anew, or say by PORTICO_HAPROXY where it is.',
    );
  } catch (error) {
    if (!(error instanceof PackageError)) throw error;
    print(error.message);
  }
}

async function describe(file: string): Promise<string> {
  try {
    return `HAProxy ${await new HaproxyProgram(file).check()} is installed (${file}).`;
  } catch (error) {
    if (!(error instanceof HaproxyError)) throw error;
    return `${error.message}.`;
  }
}
