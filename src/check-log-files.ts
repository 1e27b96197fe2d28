import { closeSync, openSync } from 'node:fs';
import type { ListenerConfig } from '../config/config.ts';

/** One sentence for the first log file that cannot be opened; undefined where all can. Creates those that are not there. */
export function logFileFault(listeners: readonly ListenerConfig[]): string | undefined {
  for (const { name, accessLog } of listeners) {
    if (accessLog === undefined || accessLog.file === 'stdout') continue;
    try {
      closeSync(openSync(accessLog.file, 'a', 0o640));
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      return `the access log of listener "${name}" cannot be written: ${explain(code, accessLog.file)}`;
    }
  }
  return undefined;
}

function explain(code: string | undefined, file: string): string {
  switch (code) {
    case 'ENOENT':
      return `the folder of ${file} is not there; create it.`;
    case 'EACCES':
    case 'EPERM':
      return `you may not write ${file}; change its owner or "file".`;
    case 'EISDIR':
      return `${file} is a folder; give the name of a file.`;
    default:
      return `${file} gives ${code}.`;
  }
}
