import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { AcmeError } from '../../../src/acme/acme-error.ts';
import type { AcmeIssuer, OrderSteps } from '../../../src/acme/acme-issuer.ts';
import type { PorticoEvent } from '../../../src/event-log.ts';
import { AcmeBench, acmeConfig } from '../../fixtures/acme-bench.ts';
import { CertificateMaker } from '../../fixtures/certificates.ts';

const MINUTE = 60_000;
const maker = new CertificateMaker();
t.teardown(() => rmSync(maker.folder, { recursive: true, force: true }));

/** Issues what the test has it issue. */
class FakeIssuer implements AcmeIssuer {
  readonly asked: string[] = [];
  answer: (host: string, steps: OrderSteps) => Promise<string | undefined> = async (host) => issue(host);

  order(host: string, steps: OrderSteps): Promise<string | undefined> {
    this.asked.push(host);
    return this.answer(host, steps);
  }
}

function issue(host: string, days = 30): string {
  const { cert, key } = maker.leaf({ names: [host], days });
  return readFileSync(key, 'utf8') + readFileSync(cert, 'utf8');
}

t.test('ordered at once, and again after two thirds of its life', async (t) => {
  const issuer = new FakeIssuer();
  const config = acmeConfig(t, ['a.example', 'b.example']);
  const bench = new AcmeBench(config, async () => issuer);
  await bench.service.prepare(config);
  bench.service.start();
  await bench.told(2);
  await bench.settle();
  t.same(issuer.asked, ['a.example', 'b.example']);
  t.same(bench.service.orders, { issued: 2, failed: 0 });
  bench.clock.advance(20 * 24 * 60 * MINUTE - 60 * MINUTE);
  await bench.settle();
  t.equal(issuer.asked.length, 2, 'two thirds of thirty days are not over');
  bench.clock.advance(61 * MINUTE);
  await bench.told(4);
  t.same(issuer.asked.slice(2), ['a.example', 'b.example']);
  await bench.service.stop();
});

t.test('attempts that fail get rarer, also across starts; one that works forgets them', async (t) => {
  const issuer = new FakeIssuer();
  issuer.answer = async () => {
    throw new AcmeError('no');
  };
  const config = acmeConfig(t, ['a.example']);
  let bench = new AcmeBench(config, async () => issuer);
  await bench.service.prepare(config);
  bench.service.start();
  const waits = [];
  for (let n = 1; n <= 7; n++) {
    await bench.told(n);
    await bench.settle();
    const { retryInMs } = bench.events.at(-1) as Extract<PorticoEvent, { type: 'certificate-failed' }>;
    waits.push(retryInMs / MINUTE);
    bench.clock.advance(retryInMs - MINUTE);
    await bench.settle();
    t.equal(issuer.asked.length, n, 'not before its time');
    if (n < 7) bench.clock.advance(MINUTE);
  }
  t.same(waits, [1, 5, 20, 60, 180, 360, 360]);
  await bench.service.stop();

  const { startMs, clock } = bench;
  issuer.answer = async (host) => issue(host);
  bench = new AcmeBench(config, async () => issuer);
  Object.assign(bench, { startMs: startMs + clock.now() });
  bench.service.start();
  await bench.settle();
  t.equal(issuer.asked.length, 7, 'a start alone is no reason to try again');
  bench.clock.advance(MINUTE);
  await bench.told(1);
  await bench.settle();
  t.equal(bench.events[0]!.type, 'certificate-issued');
  t.notOk(readdirSync(config.acme!.storage).some((file) => file.endsWith('.json')));
  await bench.service.stop();
});

t.test('an authority that wants to be left alone is, with every name', async (t) => {
  const issuer = new FakeIssuer();
  issuer.answer = async () => {
    throw new AcmeError('too many', { retryAfterMs: 90 * MINUTE });
  };
  const config = acmeConfig(t, ['a.example', 'b.example']);
  const bench = new AcmeBench(config, async () => issuer);
  await bench.service.prepare(config);
  bench.service.start();
  await bench.told(1);
  await bench.settle();
  bench.clock.advance(89 * MINUTE);
  await bench.settle();
  t.same(issuer.asked, ['a.example']);
  issuer.answer = async (host) => issue(host);
  bench.clock.advance(MINUTE);
  await bench.told(3);
  t.same(issuer.asked, ['a.example', 'a.example', 'b.example']);
  await bench.service.stop();
});

t.test('a stop gives up an order; but it waits for a certificate that is being issued', async (t) => {
  const issuer = new FakeIssuer();
  const config = acmeConfig(t, ['a.example']);
  let goOn = (): void => {};
  const paused = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  let reached = (): void => {};
  const isReached = new Promise<void>((resolve) => {
    reached = resolve;
  });
  issuer.answer = async (_host, { isCancelled }) => {
    reached();
    await paused;
    t.ok(isCancelled());
    return undefined;
  };
  const first = new AcmeBench(config, async () => issuer);
  await first.service.prepare(config);
  first.service.start();
  await isReached;
  await first.service.stop();
  goOn();
  await first.settle();
  t.same(first.events, []);

  issuer.answer = async (host, { onCommit }) => {
    onCommit();
    await new Promise((resolve) => setImmediate(resolve));
    return issue(host);
  };
  const second = new AcmeBench(config, async () => issuer);
  second.service.start();
  while (issuer.asked.length < 2) await new Promise((resolve) => setImmediate(resolve));
  await second.service.stop();
  t.same(await second.told(1), ['certificate-issued']);
  const third = new AcmeBench(config, async () => issuer);
  third.service.start();
  await third.settle();
  t.equal(issuer.asked.length, 2, 'whoever comes next has no reason to order');
  await third.service.stop();
});

t.test('a file that is no certificate for the name, and a folder that cannot be made', async (t) => {
  const config = acmeConfig(t, ['a.example']);
  const bench = new AcmeBench(config, async () => new FakeIssuer());
  mkdirSync(config.acme!.storage, { recursive: true });
  const file = join(config.acme!.storage, 'a.example.pem');
  for (const text of ['', 'half of', issue('b.example')]) {
    writeFileSync(file, text);
    await bench.service.prepare(config);
    t.match(readFileSync(file, 'utf8'), /PRIVATE KEY-----\n-----BEGIN CERTIFICATE-----/);
  }
  const good = issue('a.example');
  writeFileSync(file, good);
  await bench.service.prepare(config);
  t.equal(readFileSync(file, 'utf8'), good);
  const wrong = { ...config, acme: { ...config.acme!, storage: '/dev/null/acme' } };
  await t.rejects(bench.service.prepare(wrong), {
    message: /cannot be kept in \/dev\/null\/acme \(ENOTDIR\); make the folder/,
  });
  rmSync(file);
  mkdirSync(file);
  await t.rejects(bench.service.prepare(config), { code: 'ACME', message: /cannot be kept in .* \(EISDIR\)/ });
});
