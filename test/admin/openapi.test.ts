import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { createPorticoClient, type StreamedEvent, watchEvents } from '../../admin/client/index.ts';
import { EventFeed } from '../../admin/events/event-feed.ts';
import { withNamedSchemas } from '../../admin/openapi/named-schemas.ts';
import { generateApi } from '../client/generate-api.ts';
import { adminAppOf } from '../fixtures/admin-app.ts';
import { ApiFuzzer } from '../fixtures/api-fuzzer.ts';
import { FakeAdminSource, portUse, sourceStatus } from '../fixtures/fake-admin-source.ts';
import { FakeConfigSource } from '../fixtures/fake-config-source.ts';
import { OpenApiContract } from '../fixtures/openapi-contract.ts';
import { Random } from '../fuzz/random.ts';

const headers = { host: 'localhost' };
const TEXT =
  'listeners: [{ name: web, bind: ":80", backend: app }]\nbackends: [{ name: app, servers: [{ address: "127.0.0.1:1" }] }]\n';

async function start() {
  const source = new FakeAdminSource();
  source.list = [sourceStatus(), sourceStatus({ address: '127.0.1.2', state: { kind: 'lost', reason: 'gone' } })];
  source.use = [portUse({ 8: 128 })];
  source.ahead = [
    {
      pool: 'default',
      source: '127.0.1.1',
      destination: '127.0.0.1:1',
      busy: 1,
      capacity: 2,
      leaseRate: 3,
      holdSeconds: Number.POSITIVE_INFINITY,
      exhaustionSeconds: Number.POSITIVE_INFINITY,
      addAddresses: 0,
    },
  ];
  const config = new FakeConfigSource(TEXT);
  const events = new EventFeed({ epochMs: () => 0 });
  const errors: unknown[] = [];
  const app = adminAppOf(source, { config, events, onError: (error) => errors.push(error) });
  const answer = await app.inject({ url: '/api/v1/openapi.json', headers });
  const document = answer.json() as Record<string, unknown>;
  return { source, config, events, app, errors, answer, document, contract: new OpenApiContract(document) };
}

t.test('the description', async (t) => {
  const { answer, document, contract } = await start();
  t.match(answer.headers['content-type'], /^application\/json/);
  t.match(document, { openapi: '3.1.0', info: { title: 'Portico admin API', version: '1.2.3' } });
  const names = contract.operations.map(({ method, path }) => `${method} ${path}`);
  for (const each of [
    'GET /api/v1/status',
    'PUT /api/v1/config',
    'GET /api/v1/events',
    'GET /metrics',
    'GET /readyz',
  ]) {
    t.ok(names.includes(each), each);
  }
  for (const { method, path, summary, statuses } of contract.operations) {
    t.type(summary, 'string', `${method} ${path} says what it is for`);
    t.ok(
      statuses.some((status) => status.startsWith('2')),
      `${method} ${path} can succeed`,
    );
  }
  for (const [, name] of answer.body.matchAll(/"#\/components\/((?:schemas|responses)\/\w+)"/g)) {
    const [kind = '', key = ''] = name!.split('/');
    t.ok((document.components as Record<string, Record<string, unknown>>)[kind]?.[key], name);
  }
});

t.test('two schemas of one name are a mistake', async (t) => {
  const schema = (type: string) => ({ title: 'A', type });
  t.throws(() => withNamedSchemas({ paths: { a: schema('string'), b: schema('number') } }), /two schemas are called A/);
  t.strictSame(withNamedSchemas({ info: { title: 'I' }, paths: { a: schema('string'), b: schema('string') } }), {
    info: { title: 'I' },
    components: { responses: {}, schemas: { A: schema('string') } },
    paths: { a: { $ref: '#/components/schemas/A' }, b: { $ref: '#/components/schemas/A' } },
  });
});

t.test('answers are as described, to good requests and to bad ones', async (t) => {
  const { app, contract, errors, config } = await start();
  const random = new Random(7);
  const fuzzer = new ApiFuzzer(random, {
    backend: ['app', 'other'],
    server: ['127.0.0.1:1'],
    pool: ['default'],
    ip: ['127.0.1.1'],
    listener: ['web'],
    'if-match': ['*', '"x"', 'x'],
    text: [TEXT, TEXT.replace('name', 'nam'), '', 'a: ['],
  });
  // A stream has no end that inject could wait for; it has tests of its own.
  const operations = contract.operations.filter(({ path }) => path !== '/api/v1/events');
  const seen = new Map<string, number>();
  for (let i = 0; i < 3000; i++) {
    const operation = operations[i % operations.length]!;
    const { method, url, headers: more, body } = fuzzer.request(operation);
    const reply = await app.inject({
      method: method as 'GET',
      url,
      headers: { ...headers, ...more },
      ...(body === undefined ? {} : { payload: body }),
    });
    const type = reply.headers['content-type'];
    const fault = contract.check(operation, { status: reply.statusCode, type: String(type), body: reply.body });
    if (fault !== undefined) t.fail(`${method} ${url} ${body}: ${reply.statusCode} ${reply.body}: ${fault}`);
    const key = `${operation.method} ${operation.path}`;
    if (reply.statusCode < 300) seen.set(key, (seen.get(key) ?? 0) + 1);
    config.fileText = TEXT;
    config.previousText = TEXT;
  }
  for (const { method, path } of operations)
    t.ok((seen.get(`${method} ${path}`) ?? 0) > 0, `${method} ${path} succeeded`);
  t.strictSame(errors, [], 'nothing went wrong inside');
});

t.test('the page for people runs nothing and loads nothing', async (t) => {
  const { app, contract } = await start();
  const page = await app.inject({ url: '/api/v1/docs', headers });
  t.equal(page.statusCode, 200);
  t.match(page.headers['content-type'], /^text\/html/);
  t.match(page.headers['content-security-policy'], /^default-src 'none'; style-src 'sha256-/);
  t.notMatch(page.body, /<script|<link|<img|style="|https?:|\son\w+=/);
  const ids = new Set([...page.body.matchAll(/ id="([^"]+)"/g)].map((match) => match[1]));
  for (const [, id] of page.body.matchAll(/href="#([^"]+)"/g)) t.ok(ids.has(id), id);
  for (const { path } of contract.operations) t.ok(page.body.includes(path), path);
});

t.test('the client is generated from it', async (t) => {
  const file = fileURLToPath(new URL('../../../admin/client/api.ts', import.meta.url));
  t.equal(readFileSync(file, 'utf8'), await generateApi(), 'run `npm run client` after a change of the API');
});

t.test('the client asks, changes and watches', async (t) => {
  const { app, events } = await start();
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  t.teardown(() => app.close());
  const client = createPorticoClient({ url, token: 'not-asked-for' });
  const { data } = await client.GET('/api/v1/backends');
  t.equal(data?.backends[0]?.servers[0]?.id, '127.0.0.1:1');
  const wrong = await client.PATCH('/api/v1/backends/{backend}/servers/{server}', {
    params: { path: { backend: 'app', server: '127.0.0.1:1' } },
    body: { weight: 1000 },
  });
  t.match(wrong.error, { status: 400, title: 'Bad Request' });
  const seen: StreamedEvent[] = [];
  for await (const each of watchEvents({ url }, { types: ['server'], lastEventId: 'earlier.1' })) {
    seen.push(each);
    if (seen.length === 1) events.append({ type: 'server', severity: 'info', message: 'ä', data: {} });
    if (seen.length === 2) break;
  }
  t.match(seen, [{ type: 'gap' }, { type: 'event', event: { message: 'ä' } }]);
  await t.rejects(watchEvents({ url: `${url}/none` }).next(), /status 404/);
});
