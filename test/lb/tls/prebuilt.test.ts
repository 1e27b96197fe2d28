import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import t from 'tap';

const folder = fileURLToPath(new URL('../../../../lb/tls/native/', import.meta.url));

t.test('the shipped addon is of the sources beside it', async (t) => {
  const lines = readFileSync(`${folder}prebuilt/checksums.txt`, 'utf8').trim().split('\n');
  const known = new Map(lines.map((line) => line.split(/\s+\*?(?:\.\/)?/).reverse() as [string, string]));
  const sources = readdirSync(folder).filter((name) => /\.[ch]$/.test(name) || name === 'build.sh');
  const binaries = readdirSync(`${folder}prebuilt`).filter((name) => name.endsWith('.node'));
  const files = [...sources, ...binaries.map((name) => `prebuilt/${name}`)];
  t.same([...known.keys()].sort(), files.sort());
  for (const file of files) {
    const sum = createHash('sha256')
      .update(readFileSync(folder + file))
      .digest('hex');
    t.equal(sum, known.get(file), `${file}: if it has changed, run lb/tls/native/release.sh`);
  }
});
