import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

export interface UiFile {
  readonly type: string;
  readonly etag: string;
  readonly body: Buffer;
  readonly gzip: Buffer;
  readonly brotli: Buffer;
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

/**
 * Reads the whole UI into memory: it is a handful of files, and one that is looked up in a map by name cannot lead out of its folder.
 * Undefined where it was not built.
 */
export function readUiFiles(folder: string): UiFiles | undefined {
  try {
    const assets = join(folder, 'assets');
    return {
      page: readUiFile(join(folder, 'index.html')),
      assets: new Map(readdirSync(assets).map((name) => [name, readUiFile(join(assets, name))])),
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
    gzip: gzipSync(body, { level: 9 }),
    // 9 of 11: the last two levels take ten times as long for two percent.
    brotli: brotliCompressSync(body, { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } }),
  };
}
