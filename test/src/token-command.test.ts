import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { digestOf, readTokens } from '../../admin/access/token-line.ts';
import { changeTokens, type TokenCommandOptions } from '../../src/token-command.ts';
import { PorticoProcess, writeConfig } from '../fixtures/portico-process.ts';

const folder = mkdtempSync(join(tmpdir(), 'portico-tokens-'));
t.teardown(() => rmSync(folder, { recursive: true }));
const listen = { host: '127.0.0.1', port: 1 };

async function run(tokenFile: string | undefined, options: Partial<TokenCommandOptions>) {
  let out = '';
  const write = { write: (text: string) => (out += text) };
  const all = { name: undefined, isReadOnly: false, isRemoving: false, isListing: false, ...options };
  await changeTokens(
    { out: write, err: { write: () => {} } },
    { listen, ...(tokenFile === undefined ? {} : { tokenFile }) },
    all,
  );
  return out.trim();
}

t.test('tokens are made, replaced, listed and taken back', async (t) => {
  const file = join(folder, 'tokens');
  const known = () => {
    const result = readTokens(readFileSync(file, 'utf8'));
    return result.ok ? result.tokens : t.fail(result.message);
  };
  const ann = await run(file, { name: 'ann' });
  t.equal(statSync(file).mode & 0o777, 0o600);
  t.match(known(), [{ name: 'ann', role: 'admin', digest: digestOf(ann) }]);
  t.notOk(readFileSync(file, 'utf8').includes(ann), 'only its hash is there');
  const bob = await run(file, { name: 'bob', isReadOnly: true });
  t.match(known(), [{ name: 'ann' }, { name: 'bob', role: 'read-only', digest: digestOf(bob) }]);
  t.equal(await run(file, { isListing: true }), 'ann admin\nbob read-only');
  const again = await run(file, { name: 'ann' });
  t.match(known(), [{ name: 'bob' }, { name: 'ann', digest: digestOf(again) }]);
  await run(file, { name: 'bob', isRemoving: true });
  t.equal(await run(file, { isListing: true }), 'ann admin');
  await t.rejects(run(file, { name: 'ann', isRemoving: true }), { message: /is the last token/ });
  await t.rejects(run(file, { name: 'eve', isRemoving: true }), { message: /no token called eve/ });
});

t.test('a token in plain is hashed on the way', async (t) => {
  const file = join(folder, 'plain');
  writeFileSync(file, 'secret\n');
  await run(file, { name: 'ann' });
  t.equal(await run(file, { isListing: true }), 'token admin\nann admin');
  t.notMatch(readFileSync(file, 'utf8'), /secret/);
  writeFileSync(file, 'no token here\n');
  await t.rejects(run(file, { name: 'ann' }), { code: 'CONFIG_FILE', message: /no token in line 1/ });
  t.equal(readFileSync(file, 'utf8'), 'no token here\n');
});

t.test('the command line', async (t) => {
  const config = (admin: string) =>
    writeConfig(
      `${admin}\nlisteners: [{ name: web, bind: ":0", backend: app }]\nbackends: [{ name: app, servers: [{ address: "127.0.0.1:1" }] }]\n`,
    );
  const file = join(folder, 'command');
  const command = async (...args: string[]) => {
    const portico = new PorticoProcess(['token', ...args]);
    return { status: await portico.ended(), out: portico.stdout, err: portico.stderr };
  };
  const good = config(`admin: { token_file: ${file} }`);
  t.match(await command('-c', good, 'ann', '--read-only'), { status: 0, out: /^pt_[\w-]+\n$/, err: /not shown again/ });
  t.match(await command('-c', good, '--list'), { status: 0, out: 'ann read-only\n' });
  t.match(await command('-c', good), { status: 2, err: /takes a name/ });
  t.match(await command('-c', good, 'a b'), { status: 2, err: /is no name/ });
  t.match(await command('-c', config('planes: 1'), 'ann'), { status: 1, err: /set admin\.token_file/ });
});
