import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { AcmeConfig } from '../../../config/acme-config.ts';
import type { Config } from '../../../config/config.ts';
import { loadConfig } from '../../../config/load.ts';
import { AcmeError } from '../../../src/acme/acme-error.ts';
import { type AcmeIssuer, createAcmeIssuer, type OrderSteps } from '../../../src/acme/acme-issuer.ts';
import { AcmeService } from '../../../src/acme/acme-service.ts';
import { EventLog, type PorticoEvent } from '../../../src/event-log.ts';
import { CertificateMaker } from '../../fixtures/certificates.ts';
import { FakeClock } from '../../fixtures/fake-clock.ts';
import { Pebble } from '../../fixtures/pebble.ts';

const MINUTE = 60_000;
const maker = new CertificateMaker();
t.teardown(() => rmSync(maker.folder, { recursive: true, force: true }));

function configOf(t: Test, names: readonly string[], acme = ''): Config {
  const storage = mkdtempSync(join(tmpdir(), 'portico-acme-'));
  t.teardown(() => rmSync(storage, { recursive: true, force: true }));
  const text = `
acme: { terms_accepted: true, storage: "${storage}"${acme} }
listeners:
  - { name: web, bind: ":443", tls: { acme: [${names.join(', ')}] }, backend: app }
  - { name: plain, bind: ":80", backend: app }
backends: [{ name: app, servers: [{ address: "127.0.0.1:9" }] }]
`;
  const loaded = loadConfig(text, { file: 'p.yaml', directory: storage, cpuCount: 1 });
  if (!loaded.ok) throw new Error(loaded.faults[0]!.message);
  return loaded.config;
}

/** A service whose events can be waited for, at a time that the test moves. */
class Bench {
  readonly clock = new FakeClock();
  readonly startMs = Date.now();
  readonly events: PorticoEvent[] = [];
  readonly service: AcmeService;
  private wake = (): void => {};

  constructor(config: Config, createIssuer: (config: AcmeConfig, accountKey: string) => Promise<AcmeIssuer>) {
    const log = new EventLog();
    log.subscribe((event) => {
      this.events.push(event);
      this.wake();
    });
    this.service = new AcmeService(
      {
        clock: this.clock,
        epochMs: () => this.startMs + this.clock.now(),
        log,
        onAnswers: async () => {},
        createIssuer,
      },
      config,
    );
  }

  /** Resolves with the types of all events, once there are so many. */
  async told(count: number): Promise<readonly string[]> {
    while (this.events.length < count) {
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
    return this.events.map(({ type }) => type);
  }

  /** Nothing is under way any more. */
  async settle(): Promise<void> {
    await (this.service as unknown as { working: Promise<void> | undefined }).working;
  }
}

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
  const config = configOf(t, ['a.example', 'b.example']);
  const bench = new Bench(config, async () => issuer);
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
  const config = configOf(t, ['a.example']);
  let bench = new Bench(config, async () => issuer);
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
  bench = new Bench(config, async () => issuer);
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
  const config = configOf(t, ['a.example', 'b.example']);
  const bench = new Bench(config, async () => issuer);
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
  const config = configOf(t, ['a.example']);
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
  const first = new Bench(config, async () => issuer);
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
  const second = new Bench(config, async () => issuer);
  second.service.start();
  while (issuer.asked.length < 2) await new Promise((resolve) => setImmediate(resolve));
  await second.service.stop();
  t.same(await second.told(1), ['certificate-issued']);
  const third = new Bench(config, async () => issuer);
  third.service.start();
  await third.settle();
  t.equal(issuer.asked.length, 2, 'whoever comes next has no reason to order');
  await third.service.stop();
});

t.test('a file that is no certificate for the name, and a folder that cannot be made', async (t) => {
  const config = configOf(t, ['a.example']);
  const bench = new Bench(config, async () => new FakeIssuer());
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
});

t.test('against a real authority', async (t) => {
  let isWrong = false;
  const web = http.createServer((request, response) => {
    const token = request.url!.split('/').at(-1);
    const known = bench.service.answers.find((answer) => answer.token === token);
    response.statusCode = known === undefined ? 404 : 200;
    response.end(isWrong ? 'something else' : known?.text);
  });
  await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', resolve));
  t.teardown(() => web.close());
  const pebble = await Pebble.start((web.address() as AddressInfo).port);
  t.teardown(() => pebble.remove());
  const config = configOf(t, ['a.example'], `, directory: "${pebble.directory}", ca: "${pebble.ca}"`);
  const bench: Bench = new Bench(config, (acme, key) => createAcmeIssuer({ epochMs: Date.now }, acme, key));
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
