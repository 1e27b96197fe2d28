import { existsSync, readFileSync } from 'node:fs';

/** From package.json, which stands above dist/ as it stands above src/. */
export function readVersion(): string {
  for (const path of ['../package.json', '../../package.json']) {
    const url = new URL(path, import.meta.url);
    if (existsSync(url)) return (JSON.parse(readFileSync(url, 'utf8')) as { version: string }).version;
  }
  return 'unknown';
}
