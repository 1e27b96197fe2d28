import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { defineConfig } from 'vite';

/** For `npm run ui`: the admin server of a running Portico that the pages talk to. */
const PORTICO = process.env.PORTICO_ADMIN ?? 'http://127.0.0.1:9797';

const BUILT = fileURLToPath(new URL('../../dist/admin/ui', import.meta.url));

/** Compressed here, once: at every start of Portico it took half a second of CPU. */
const compressed = {
  name: 'compressed',
  apply: 'build',
  closeBundle() {
    const assets = readdirSync(join(BUILT, 'assets')).map((name) => join(BUILT, 'assets', name));
    for (const path of [join(BUILT, 'index.html'), ...assets]) {
      const bytes = readFileSync(path);
      writeFileSync(`${path}.br`, brotliCompressSync(bytes));
      writeFileSync(`${path}.gz`, gzipSync(bytes, { level: 9 }));
    }
  },
};

export default defineConfig({
  plugins: [compressed],
  root: fileURLToPath(new URL('.', import.meta.url)),
  base: './',
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: BUILT,
    // The compiler puts the parts there that tests import.
    emptyOutDir: false,
    target: 'es2022',
    // The policy of the page allows neither scripts in the HTML nor data: URLs.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  server: { proxy: { '/api': { target: PORTICO, changeOrigin: true } } },
});
