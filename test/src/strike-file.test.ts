import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { STRIKE_BYTES } from '../../lb/tls/strike-size.ts';

const MODULE = fileURLToPath(new URL('../../src/strike-file.js', import.meta.url));

/** What becomes of a register where /dev/shm has so much room, in a mount namespace of its own. */
function registerWith(bytes: number): { readonly status: number | null; readonly text: string } {
  const program = `const { StrikeFile } = await import(${JSON.stringify(MODULE)});
    const { statSync, readdirSync } = await import('node:fs');
    const strikes = new StrikeFile();
    try { console.log('allocated', statSync(strikes.register(true).file).blocks * 512); strikes.close(); }
    catch (error) { console.log(error.code, error.message); }
    console.log('left', readdirSync('/dev/shm').length);`;
  const script = `mount -t tmpfs -o size=${bytes} none /dev/shm && exec "$0" --input-type=module -e "$1"`;
  const { status, stdout, stderr } = spawnSync('unshare', ['-rm', 'sh', '-c', script, process.execPath, program], {
    encoding: 'utf8',
  });
  return { status, text: stdout + stderr };
}

t.test('the register has its memory, or says that there is none', async (t) => {
  const fine = registerWith(2 * STRIKE_BYTES);
  t.equal(fine.status, 0, fine.text);
  const [, allocated] = /allocated (\d+)/.exec(fine.text) ?? [];
  t.ok(Number(allocated) >= STRIKE_BYTES, 'no page of it is still to be found');
  const full = registerWith(STRIKE_BYTES / 4);
  t.match(full.text, /there is none in \/dev\/shm \(ENOSPC\); mount it with 8 MiB or more/);
  t.match(full.text, /left 0/);
});
