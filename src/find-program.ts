import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Where programs of the system are that the PATH of a user other than root often lacks; Debian's HAProxy is one. */
const SYSTEM_FOLDERS = ['/usr/local/sbin', '/usr/sbin', '/sbin'];

/** The file of a program: in PATH, or where the system keeps such programs; undefined where it is not there. `at` is the way to a folder of the machine. */
export function findProgram(
  name: string,
  { PATH = '' }: NodeJS.ProcessEnv,
  at: (folder: string) => string = (folder) => folder,
): string | undefined {
  const folders = [...PATH.split(delimiter), ...SYSTEM_FOLDERS.map(at)];
  return folders
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, name))
    .find(isExecutable);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}
