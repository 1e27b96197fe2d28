import { readFileSync, rmSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import tls from 'node:tls';
import t from 'tap';
import type { AcmeConfig } from '../../../config/acme-config.ts';
import { type AcmeIssuer, createAcmeIssuer } from '../../../src/acme/acme-issuer.ts';
import type { PorticoEvent } from '../../../src/event-log.ts';
import { AcmeBench, acmeConfig } from '../../fixtures/acme-bench.ts';
import { CertificateMaker } from '../../fixtures/certificates.ts';
import { Pebble } from '../../fixtures/pebble.ts';
import { startPlane } from '../../fixtures/running-plane.ts';
import { LISTENER_TLS, listenerMaterial } from '../../fixtures/tls-material.ts';

const MINUTE = 60_000;

t.test('HTTP-01', async (t) => {
  let isWrong = false;
  const web = http.createServer((request, response) => {
    const token = request.url!.split('/').at(-1);
    const known = bench.service.answers.find((answer) => answer.type === 'http-01' && answer.token === token);
    response.statusCode = known === undefined ? 404 : 200;
    response.end(isWrong || known?.type !== 'http-01' ? 'something else' : known.text);
  });
  await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', resolve));
  t.teardown(() => web.close());
  const pebble = await Pebble.start({ httpPort: (web.address() as AddressInfo).port });
  t.teardown(() => pebble.remove());
  const config = acmeConfig(t, ['a.example'], `, directory: "${pebble.directory}", ca: "${pebble.ca}"`);
  const bench: AcmeBench = new AcmeBench(config, (acme, key) => createAcmeIssuer({ epochMs: Date.now }, acme, key));
  await bench.service.prepare(config);

  await t.test('a wrong answer to its question is refused, and said so', async (t) => {
    isWrong = true;
    bench.service.start();
    await bench.told(1);
    t.match(bench.events[0], { type: 'certificate-failed', host: 'a.example', reason: /key authorization/i });
    await bench.settle();
    t.same(bench.service.answers, []);
  });

  await t.test('the next attempt, and the renewal of what it gave', async (t) => {
    isWrong = false;
    bench.clock.advance(MINUTE);
    t.same((await bench.told(2)).slice(1), ['certificate-issued']);
    await bench.settle();
    const first = readFileSync(join(config.acme!.storage, 'a.example.pem'), 'utf8');
    const { untilMs } = bench.events[1] as Extract<PorticoEvent, { type: 'certificate-issued' }>;
    bench.clock.advance(Math.ceil(((untilMs - Date.now()) * 2) / 3) + MINUTE);
    t.same((await bench.told(3)).slice(2), ['certificate-issued']);
    t.not(readFileSync(join(config.acme!.storage, 'a.example.pem'), 'utf8'), first);
    await bench.settle();
  });

  await t.test('one that does not answer', async (t) => {
    await pebble.stop();
    bench.clock.advance(MINUTE);
    await bench.told(4);
    t.match(bench.events[3], { type: 'certificate-failed', reason: /ECONNREFUSED/, retryInMs: MINUTE });
    await bench.service.stop();
  });
});

t.test('TLS-ALPN-01: a plane shows the authority what it looks for, and others their own certificate', async (t) => {
  const maker = new CertificateMaker();
  t.teardown(() => rmSync(maker.folder, { recursive: true }));
  const { ca } = maker;
  const tlsConfig = {
    ...LISTENER_TLS,
    clientAuth: { ca, isRequired: true },
    ciphers: 'modern',
    minVersion: '1.3',
  } as const;
  const plane = startPlane({
    servers: [],
    tls: listenerMaterial([maker.leaf({ names: ['a.example'] })], { clientCa: ca }),
    listener: { tls: tlsConfig },
  });
  t.teardown(() => plane.stop());
  const pebble = await Pebble.start({ tlsPort: plane.port });
  t.teardown(() => pebble.remove());
  const config = acmeConfig(
    t,
    ['a.example'],
    `, directory: "${pebble.directory}", ca: "${pebble.ca}", challenge: tls-alpn-01`,
  );
  const seen: string[] = [];
  const look = (alpn: string): Promise<string> =>
    new Promise((resolve) => {
      const options = { port: plane.port, host: '127.0.0.1', servername: 'a.example', rejectUnauthorized: false };
      let found = '';
      const socket = tls.connect({ ...options, ALPNProtocols: [alpn] }, () => {
        found = `${socket.alpnProtocol} ${socket.getPeerX509Certificate()!.issuer}`;
      });
      socket.on('error', (error: NodeJS.ErrnoException) => resolve(found || error.code!));
      // The plane closes: to the one there is nothing to say, the other has no certificate.
      socket.on('end', () => resolve(found));
      socket.resume();
    });
  const issuer = (acme: AcmeConfig, key: string): Promise<AcmeIssuer> =>
    createAcmeIssuer({ epochMs: Date.now }, acme, key);
  let looking: Promise<unknown> = Promise.resolve();
  const bench: AcmeBench = new AcmeBench(config, issuer, () => {
    const { answers } = bench.service;
    plane.tell({ type: 'challenges', answers });
    if (answers.length > 0)
      looking = Promise.all(['acme-tls/1', 'http/1.1'].map(async (alpn) => seen.push(await look(alpn))));
  });
  await bench.service.prepare(config);
  bench.service.start();
  t.same(await bench.told(1), ['certificate-issued']);
  await looking;
  t.match(new Set(seen), new Set(['acme-tls/1 CN=a.example', 'http/1.1 CN=Test CA']));
  t.equal(await look('acme-tls/1'), 'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL', 'nobody is expected any more');
  await bench.service.stop();
});
