import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { readConfigText, writeConfigText } from '../../src/config-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'portico-config-'));
t.teardown(() => rmSync(folder, { recursive: true }));

t.test('mode and link stay', async (t) => {
  const real = join(folder, 'real.yaml');
  const link = join(folder, 'link.yaml');
  writeFileSync(real, 'old');
  chmodSync(real, 0o640);
  symlinkSync(real, link);
  await writeConfigText(link, 'new: ä\n');
  t.equal(await readConfigText(link), 'new: ä\n');
  t.equal(readFileSync(real, 'utf8'), 'new: ä\n');
  t.equal(statSync(real).mode & 0o777, 0o640);
  t.strictSame(readdirSync(folder).sort(), ['link.yaml', 'real.yaml'], 'nothing else is left');
});

t.test('what cannot be is an error, and leaves all as it was', async (t) => {
  await t.rejects(readConfigText(join(folder, 'none')), { code: 'CONFIG_FILE', message: /ENOENT/ });
  await t.rejects(writeConfigText(join(folder, 'none'), 'x'), { code: 'CONFIG_FILE', message: /ENOENT/ });
  const inside = join(folder, 'inside');
  mkdirSync(inside);
  await t.rejects(writeConfigText(inside, 'x'), { code: 'CONFIG_FILE' });
  t.strictSame(
    readdirSync(folder).filter((name) => name.endsWith('.tmp')),
    [],
  );
});

t.test('a writer that is killed leaves the old text or the new one', async (t) => {
  const file = join(folder, 'killed.yaml');
  const texts = ['a'.repeat(1 << 20), 'b'.repeat(1 << 20)];
  writeFileSync(file, texts[0]!);
  const module = fileURLToPath(new URL('../../src/config-file.js', import.meta.url));
  const script = `
    const { writeConfigText } = await import(${JSON.stringify(module)});
    process.stdout.write('.');
    for (let i = 0; ; i++) await writeConfigText(process.argv[1], 'ab'[i % 2].repeat(1 << 20));
  `;
  for (let i = 0; i < 10; i++) {
    const child = spawn(process.execPath, ['--input-type=module', '-e', script, file], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(child.stdout, 'data');
    // Read as it is being written, until it was seen to change: then it is in the middle of something.
    const before = statSync(file).ino;
    while (statSync(file).ino === before) t.ok(texts.includes(readFileSync(file, 'utf8')));
    child.kill('SIGKILL');
    await once(child, 'exit');
    t.ok(texts.includes(readFileSync(file, 'utf8')), `killed ${i}`);
  }
});
