import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';

export interface UiFile {
  readonly type: string;
  readonly etag: string;
  readonly body: Buffer;
  /** The same, compressed when it was built; undefined where it was not. */
  readonly gzip: Buffer | undefined;
  readonly brotli: Buffer | undefined;
}

/** The built UI: its page, and what the page loads, by name. */
export interface UiFiles {
  readonly page: UiFile;
  readonly assets: ReadonlyMap<string, UiFile>;
}

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

const COMPRESSED = /\.(br|gz)$/;

/**
 * Reads the whole UI into memory: it is a handful of files, and one that is looked up in a map by name cannot lead out of its folder.
 * Undefined where it was not built.
 */
export function readUiFiles(folder: string): UiFiles | undefined {
  try {
    const assets = join(folder, 'assets');
    const names = readdirSync(assets).filter((name) => !COMPRESSED.test(name));
    return {
      page: readUiFile(join(folder, 'index.html')),
      assets: new Map(names.map((name) => [name, readUiFile(join(assets, name))])),
    };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function readUiFile(path: string): UiFile {
  const body = readFileSync(path);
  return {
    type: TYPES[extname(path)] ?? 'application/octet-stream',
    etag: `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`,
    body,
    gzip: existing(`${path}.gz`),
    brotli: existing(`${path}.br`),
  };
}

const existing = (path: string): Buffer | undefined => (existsSync(path) ? readFileSync(path) : undefined);
