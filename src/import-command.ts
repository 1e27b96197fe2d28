import { readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { importHaproxy } from '../lb/haproxy/import/import-haproxy.ts';
import type { LeftOut } from '../lb/haproxy/import/left-out.ts';

const FINE = 0;
const FINDINGS = 1;

interface Output {
  write(text: string): unknown;
}

/**
 * `portico import`: prints a portico.yaml, and on `err` what of the file is not in it, by line. Returns the exit status: 1 where something that
 * is served was left out. Throws what `fs` throws.
 */
export function importFile(file: string, { out, err }: { readonly out: Output; readonly err: Output }): number {
  const ownAddresses = Object.values(networkInterfaces())
    .flatMap((list = []) => list)
    .filter(({ internal, family }) => !internal && family === 'IPv4')
    .map(({ address }) => address);
  const { text, leftOut } = importHaproxy(readFileSync(file, 'utf8'), {
    ownAddresses,
    read: (path) => readFileSync(path, 'utf8'),
  });
  const losses = leftOut.filter(({ isHarmless }) => !isHarmless);
  const harmless = leftOut.filter(({ isHarmless }) => isHarmless);
  const list = (lines: readonly LeftOut[]): string =>
    lines.map(({ line, text: words, why }) => `${file}:${line}: ${words === '' ? '' : `${words}: `}${why}\n`).join('');
  if (losses.length > 0) err.write(`Not taken over:\n${list(losses)}`);
  if (harmless.length > 0) err.write(`Not needed:\n${list(harmless)}`);
  if (text === undefined) {
    err.write(`portico: too little of ${file} could be taken over to make a config\n`);
    return FINDINGS;
  }
  out.write(
    `# Made by \`portico import\` from ${file.replaceAll(/[\n\r]/g, ' ')}.\n# "engine: haproxy" can be http or tcp, which need no HAProxy.\n${text}`,
  );
  return losses.length === 0 ? FINE : FINDINGS;
}
