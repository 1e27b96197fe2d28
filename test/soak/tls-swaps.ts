// npm run soak-tls-swaps -- [--handshakes N] [--clients N]
// Full handshakes with a Portico whose certificate is another one every second. Whether all of them succeed, by certificates that are shown one
// after the other, and whether the memory of its plane stays.
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { TlsRequests } from '../bench/load/tls-requests.ts';
import { memoryOf } from '../bench/process-usage.ts';
import { CertificateMaker } from '../fixtures/certificates.ts';
import { freePorts, PorticoProcess, writeConfig } from '../fixtures/portico-process.ts';

const { values } = parseArgs({
  options: { handshakes: { type: 'string', default: '100000' }, clients: { type: 'string', default: '16' } },
});
const total = Number(values.handshakes);
const SWAP_MS = 1000;
/** They come in turn. */
const CERTIFICATES = 8;
/** Of the second half; in the first one the heap still takes its steps. */
const MOST_GROWTH_BYTES = 8 << 20;
const REPORTS = 10;

const maker = new CertificateMaker();
const pairs = Array.from({ length: CERTIFICATES }, (_, i) =>
  maker.leaf({ names: ['a.example'], commonName: `certificate ${i}` }),
);
const folder = mkdtempSync(join(tmpdir(), 'portico-swaps-'));
const [cert, key] = [join(folder, 'live.pem'), join(folder, 'live.key')];
const texts = await Promise.all(
  pairs.map(async (pair) => ({ cert: await readFile(pair.cert), key: await readFile(pair.key) })),
);
let swaps = 0;
function swap(): void {
  const next = texts[swaps++ % CERTIFICATES]!;
  for (const [file, bytes] of [
    [cert, next.cert],
    [key, next.key],
  ] as const) {
    writeFileSync(`${file}.new`, bytes);
    renameSync(`${file}.new`, file);
  }
}

swap();
const [web, admin] = await freePorts();
const portico = new PorticoProcess([
  'run',
  '-c',
  writeConfig(`
planes: 1
admin: { listen: "127.0.0.1:${admin}" }
listeners:
  - name: web
    bind: "127.0.0.1:${web}"
    tls: { certificates: [{ cert: ${cert}, key: ${key} }] }
    routes: [{ answer: { body: hello } }]
backends: [{ name: app, servers: [{ address: "127.0.0.1:9" }] }]
`),
]);
await portico.until(/Portico is running\./);
const status = (await (await fetch(`http://127.0.0.1:${admin}/api/v1/status`)).json()) as {
  planes: [{ pid: number }];
};
const { pid } = status.planes[0];
const requests = new TlsRequests(maker.caText);
const shown = new Map<string, number>();
const failures = new Map<string, number>();
let [done, changes, last, settled, growth] = [0, 0, '', 0, 0];
const timer = setInterval(swap, SWAP_MS);

async function client(): Promise<void> {
  while (done < total) {
    done += 1;
    const number = done;
    try {
      const { peerName } = await requests.ask({ port: web });
      shown.set(peerName, (shown.get(peerName) ?? 0) + 1);
      if (peerName !== last) changes += 1;
      last = peerName;
    } catch (error) {
      const { message } = error as Error;
      failures.set(message, (failures.get(message) ?? 0) + 1);
    }
    if (number % Math.ceil(total / REPORTS) === 0) report(number);
  }
}

function report(number: number): void {
  const { residentBytes } = memoryOf(pid);
  if (settled === 0 && number >= total / 2) settled = residentBytes;
  if (settled > 0) growth = Math.max(growth, residentBytes - settled);
  process.stdout.write(
    `${number}: ${swaps} swaps, ${shown.size} certificates shown, ${[...failures.values()].reduce((sum, count) => sum + count, 0)} failures, ${(residentBytes / 2 ** 20).toFixed(1)} MiB\n`,
  );
}

await Promise.all(Array.from({ length: Number(values.clients) }, client));
clearInterval(timer);
for (const [message, count] of failures) process.stdout.write(`${count} × ${message}\n`);
portico.child.kill('SIGTERM');
await portico.ended();
rmSync(folder, { recursive: true });
const isFlat = growth < MOST_GROWTH_BYTES;
process.stdout.write(
  `${total} handshakes, ${swaps} swaps, ${changes} changes seen by clients, ${failures.size === 0 ? 'no' : 'some'} failures, memory ${isFlat ? 'flat' : 'grew'} (${(growth / 2 ** 20).toFixed(1)} MiB)\n`,
);
process.exit(failures.size === 0 && isFlat && shown.size === CERTIFICATES ? 0 : 1);
