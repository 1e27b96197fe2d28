import { statSync } from 'node:fs';

/** Differs when the file has been replaced or written to; '' for one that is not there. */
export function fileStamp(file: string): string {
  const stat = statSync(file, { throwIfNoEntry: false });
  return stat === undefined ? '' : `${stat.ino} ${stat.mtimeMs} ${stat.size}`;
}
