import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

/** For `npm run ui`: the admin server of a running Portico that the pages talk to. */
const PORTICO = process.env.PORTICO_ADMIN ?? 'http://127.0.0.1:9797';

export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  base: './',
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: fileURLToPath(new URL('../../dist/admin/ui', import.meta.url)),
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
