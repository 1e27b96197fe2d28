import { statSync } from 'node:fs';

/**
 * Differs when the file has been replaced or written to; '' for one that is not there. One that cannot be looked at has the reason for its
 * stamp: who watches it finds out more when it is read.
 */
export function fileStamp(file: string): string {
  try {
    const stat = statSync(file, { throwIfNoEntry: false });
    return stat === undefined ? '' : `${stat.ino} ${stat.mtimeMs} ${stat.size}`;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'unknown';
  }
}
