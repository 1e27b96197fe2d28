import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import tls from 'node:tls';
import t from 'tap';
import { Pebble } from '../../fixtures/pebble.ts';
import { freePorts, PorticoProcess, writeConfig } from '../../fixtures/portico-process.ts';

function issuerOf(port: number, servername: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = tls.connect({ host: '127.0.0.1', port, servername, rejectUnauthorized: false }, () => {
      resolve(socket.getPeerX509Certificate()!.issuer);
      socket.destroy();
    });
    socket.on('error', reject);
  });
}

t.test('a certificate is issued, and every plane takes it', async (t) => {
  const storage = mkdtempSync(join(tmpdir(), 'portico-acme-'));
  t.teardown(() => rmSync(storage, { recursive: true, force: true }));
  const [web, admin] = await freePorts();
  const [plain] = await freePorts();
  // It refuses a part of all nonces, which clients are to bear.
  const pebble = await Pebble.start({ httpPort: plain }, { PEBBLE_WFE_NONCEREJECT: '20' });
  t.teardown(() => pebble.remove());
  const config = writeConfig(`
planes: 2
admin: { listen: "127.0.0.1:${admin}" }
acme: { directory: "${pebble.directory}", ca: "${pebble.ca}", contact: [ops@a.example], terms_accepted: true, storage: "${storage}" }
listeners:
  - { name: web, bind: "127.0.0.1:${web}", tls: { acme: [a.example] }, routes: [{ answer: { body: hello } }] }
  - { name: plain, bind: "127.0.0.1:${plain}", routes: [{ redirect: { scheme: https } }] }
backends:
  - { name: app, servers: [{ address: "127.0.0.1:9" }] }
`);
  const portico = new PorticoProcess(['run', '-c', config]);
  t.teardown(async () => {
    portico.child.kill('SIGTERM');
    await portico.ended();
  });
  await portico.until(/a certificate for a\.example was issued, good until 20/);
  await portico.until(/certificates have changed; new connections get the new ones/);
  // Planes accept in turns, and the message to each is on its way.
  const issuers = (): Promise<readonly string[]> =>
    Promise.all(Array.from({ length: 8 }, () => issuerOf(web, 'a.example')));
  while ((await issuers()).includes('O=Portico placeholder'));
  for (const issuer of await issuers()) t.match(issuer, /^CN=Pebble Intermediate/);

  const metrics = await (await fetch(`http://127.0.0.1:${admin}/metrics`)).text();
  t.match(metrics, /portico_acme_orders_total\{outcome="issued"\} 1\n.*outcome="failed"\} 0/);
  const folder = join(storage, readdirSync(storage)[0]!);
  t.equal(statSync(folder).mode & 0o777, 0o700);
  const files = readdirSync(folder).sort();
  t.same(files, ['a.example.pem', 'account.key']);
  for (const file of files) t.equal(statSync(join(folder, file)).mode & 0o777, 0o600, file);
  const answer = await fetch(`http://127.0.0.1:${plain}/.well-known/acme-challenge/other`, { redirect: 'manual' });
  t.equal(answer.status, 308, 'what no authority looks for goes by the routes');
});
