import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Of which code this is: the version, and where it lies, as two installations may call themselves alike. */
export function readRelease(): string {
  return `${readVersion()} ${fileURLToPath(new URL('.', import.meta.url))}`;
}

/** From package.json, which stands above dist/ as it stands above src/. */
export function readVersion(): string {
  for (const path of ['../package.json', '../../package.json']) {
    const url = new URL(path, import.meta.url);
    if (existsSync(url)) return (JSON.parse(readFileSync(url, 'utf8')) as { version: string }).version;
  }
  return 'unknown';
}
