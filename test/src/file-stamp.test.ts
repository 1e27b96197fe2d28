import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { fileStamp } from '../../src/file-stamp.ts';

t.test('a stamp for whatever may be there', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'portico-stamp-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'a');
  t.equal(fileStamp(file), '');
  writeFileSync(file, 'one');
  const first = fileStamp(file);
  t.equal(fileStamp(file), first);
  writeFileSync(file, 'longer');
  t.not(fileStamp(file), first);
  // Node 20 has a reason for it, later ones have nothing.
  t.match(fileStamp(join(file, 'below')), /^(ENOTDIR)?$/, 'a file where a folder should be');
  symlinkSync('round', join(folder, 'round'));
  t.equal(fileStamp(join(folder, 'round')), 'ELOOP');
});
