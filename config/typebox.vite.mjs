import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

/** Joins TypeBox into one file, in the place of what the compiler made of `typebox.ts`. */
const BUILT = fileURLToPath(new URL('../dist/config/', import.meta.url));

export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  publicDir: false,
  build: {
    ssr: `${BUILT}typebox.js`,
    outDir: BUILT,
    emptyOutDir: false,
    target: 'node20',
    rolldownOptions: { output: { entryFileNames: 'typebox.js' } },
  },
  ssr: { noExternal: true },
});
