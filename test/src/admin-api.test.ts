import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { digestOf, formatToken } from '../../admin/access/token-line.ts';
import { freePorts, PorticoProcess, writeConfig } from '../fixtures/portico-process.ts';
import { SteadyLoad } from '../fixtures/steady-load.ts';

interface Reply {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly text: string;
  /** Of JSON. */
  readonly body: Record<string, unknown>;
}

interface Question {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

const ADMIN = 'admin-token-of-many-letters';
const READER = 'reader-token-of-many-letters';
const CONFIG = '/api/v1/config';
/** More than are let in, and more than connections that the admin server bears. */
const STREAMS = 1100;

/** A server that answers with its name. */
async function startServer(t: Test, name: string): Promise<number> {
  const server = http.createServer((_request, response) => response.end(name)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** Asks as an operator with the right to change things, unless `headers` say otherwise. Rejects when there is no answer. */
function askerOf(port: number): (question: Question) => Promise<Reply> {
  return ({ method = 'GET', path, headers = {}, body }) =>
    new Promise((resolve, reject) => {
      const all = { authorization: `Bearer ${ADMIN}`, 'content-type': 'application/json', ...headers };
      const request = http.request(
        { port, host: '127.0.0.1', method, path, headers: all, agent: false },
        (response) => {
          let text = '';
          response.setEncoding('utf8').on('data', (part) => {
            text += part;
          });
          response.on('error', reject).on('end', () => {
            const isJson = /json/.test(response.headers['content-type'] ?? '');
            const parsed = isJson ? (JSON.parse(text) as Record<string, unknown>) : {};
            resolve({ status: response.statusCode!, headers: response.headers, text, body: parsed });
          });
        },
      );
      request.on('error', reject).end(body);
    });
}

/** Resolves with the head that comes while, or before, ten megabytes are on their way. */
function sendTooMuch(port: number): Promise<string> {
  return new Promise((resolve) => {
    let answer = '';
    const head = [
      `POST ${CONFIG}/validate HTTP/1.1`,
      'Host: localhost',
      `Authorization: Bearer ${ADMIN}`,
      'Content-Type: application/json',
      'Content-Length: 10485760',
      'Connection: close',
    ];
    const socket = net.connect(port, '127.0.0.1');
    socket.on('data', (data) => {
      answer += data;
    });
    socket.on('error', () => {}).on('close', () => resolve(answer));
    socket.write(`${head.join('\r\n')}\r\n\r\n`);
    socket.write(Buffer.alloc(10_485_760, ' '));
  });
}

/** A Portico process with tokens, a server `one` behind it, a server `two` that is not in its config yet, and traffic. */
async function start(t: Test) {
  const [one, two] = [await startServer(t, 'one'), await startServer(t, 'two')];
  const [web, admin] = await freePorts();
  const tokens = join(t.testdir(), 'tokens');
  const line = (name: string, role: 'admin' | 'read-only', token: string): string =>
    formatToken({ name, role, digest: digestOf(token) });
  writeFileSync(tokens, `${line('ann', 'admin', ADMIN)}\n${line('bob', 'read-only', READER)}\n`, { mode: 0o600 });
  const file = writeConfig(`# kept
planes: 1
admin: { listen: "127.0.0.1:${admin}", token_file: ${tokens} }
listeners: [{ name: web, bind: "127.0.0.1:${web}", backend: app }]
backends:
  - name: app
    servers:
      - address: 127.0.0.1:${one} # the first
`);
  const portico = new PorticoProcess(['run', '-c', file]);
  t.teardown(() => portico.child.kill('SIGKILL'));
  await portico.until(/Portico is running\./);
  const load = new SteadyLoad(web, { clients: 2 });
  t.teardown(() => load.stop());
  await load.answered('one');
  return { one, two, admin, file, load, ask: askerOf(admin), portico };
}

t.test('the config of a Portico that runs: read, tried, put in force, rolled back', async (t) => {
  const { one, two, admin, file, load, ask } = await start(t);
  const first = await ask({ path: CONFIG });
  const text = readFileSync(file, 'utf8');
  t.match(first, { status: 200, body: { text, is_running: true, can_roll_back: false, differences: [] } });
  const etag = first.headers.etag!;
  const changed = text.replace(`:${one} #`, `:${two} #`);
  const put = (query: string, match: string | undefined, body = changed) =>
    ask({
      method: 'PUT',
      path: `${CONFIG}${query}`,
      headers: match === undefined ? {} : { 'if-match': match },
      body: JSON.stringify({ text: body }),
    });

  t.match(await put('', undefined), { status: 428 });
  t.match(await put('', '"of-another-one"'), { status: 412 });
  t.match(await put('?dry_run=true', etag), { status: 200, body: { dry_run: true, kept: false } });
  t.equal(readFileSync(file, 'utf8'), text, 'a dry run writes nothing');
  t.match(await put('', etag, changed.replace('backend: app', 'backend: ap')), {
    status: 422,
    body: { faults: [{ line: 4 }] },
  });
  await load.answered('one');

  const applied = await put('', etag);
  t.match(applied, { status: 200, body: { kept: true, needs_restart: [] } });
  t.equal(readFileSync(file, 'utf8'), changed, 'comments and all');
  await load.answered('two');
  t.match(await put('', etag), { status: 412 }, 'the one who was second');
  t.match((await ask({ path: CONFIG })).headers, { etag: applied.headers.etag });

  t.match(await ask({ method: 'POST', path: `${CONFIG}/rollback`, body: '{}' }), { status: 200 });
  t.equal(readFileSync(file, 'utf8'), text);
  await load.answered('one');

  t.match(await put('?keep=false', '*'), { status: 200, body: { kept: false } });
  await load.answered('two');
  t.equal(readFileSync(file, 'utf8'), text, 'it runs, and is not written');
  t.match((await ask({ path: CONFIG })).body, { is_running: false });
  t.match(await ask({ method: 'POST', path: `${CONFIG}/rollback`, body: '{}' }), { status: 200 });
  await load.answered('one');

  const weight = (query: string) =>
    ask({
      method: 'PATCH',
      path: `/api/v1/backends/app/servers/127.0.0.1:${one}${query}`,
      body: '{"weight":7}',
    });
  t.match(await weight(''), { status: 200 });
  t.equal(readFileSync(file, 'utf8'), text);
  t.match((await ask({ path: CONFIG })).body.differences, [{ after: 7 }]);
  t.match(await weight('?keep=true'), { status: 200 });
  t.match(readFileSync(file, 'utf8'), /# kept[\s\S]*# the first\n\s+weight: 7/);

  const now = readFileSync(file, 'utf8');
  const other = now.replace(`listen: "127.0.0.1:${admin}"`, 'listen: "127.0.0.1:1", metrics: open');
  t.match(await put('?keep=false', '*', other), {
    status: 200,
    body: { needs_restart: ['admin.listen', 'admin.metrics'] },
  });
  t.match(await ask({ path: '/healthz' }), { status: 200 }, 'it goes on where it was');
  await load.stop();
  t.strictSame(load.failures, []);
});

t.test('who may do what at a Portico that runs, and how much', async (t) => {
  const { one, two, load, ask, admin, portico } = await start(t);
  const add = { method: 'POST', path: '/api/v1/backends/app/servers', body: `{"address":"127.0.0.1:${two}"}` };
  const refused: [string, number, Question][] = [
    ['no token', 401, { ...add, headers: { authorization: '' } }],
    ['another token', 401, { ...add, headers: { authorization: 'Bearer none' } }],
    ['a token that may only read', 403, { ...add, headers: { authorization: `Bearer ${READER}` } }],
    ['another host', 421, { ...add, headers: { host: 'evil.example' } }],
    ['a page of another origin', 403, { ...add, headers: { origin: 'http://evil.example' } }],
    ['a page of no origin', 403, { ...add, headers: { origin: 'null' } }],
    ['what a form sends', 415, { ...add, headers: { 'content-type': 'text/plain' } }],
    ['a way out', 404, { path: '/assets/..%2f..%2f..%2fpackage.json' }],
    ['another way out', 404, { path: '/assets/%2e%2e/%2e%2e/package.json' }],
  ];
  for (const [what, status, question] of refused) t.equal((await ask(question)).status, status, what);
  t.match(await ask({ path: '/api/v1/status', headers: { authorization: `Bearer ${READER}` } }), { status: 200 });
  const { body } = await ask({ path: '/api/v1/backends' });
  t.match(body, { backends: [{ servers: [{ id: `127.0.0.1:${one}` }] }] });

  t.match(await sendTooMuch(admin), /^(HTTP\/1\.1 413 |$)/, '10 MB: refused, or cut off before the answer is read');

  const statuses: number[] = [];
  const streams = await Promise.all(
    Array.from(
      { length: STREAMS },
      () =>
        new Promise<http.ClientRequest>((resolve) => {
          const headers = { authorization: `Bearer ${ADMIN}` };
          const options = { port: admin, host: '127.0.0.1', path: '/api/v1/events?types=alarm', headers, agent: false };
          const request = http.get(options, (response) => {
            statuses.push(response.statusCode!);
            response.on('error', () => {}).resume();
            resolve(request);
          });
          // One connection too many is closed without an answer.
          request.on('error', () => resolve(request));
        }),
    ),
  );
  t.equal(statuses.filter((status) => status === 200).length, 256);
  t.ok(statuses.every((status) => status === 200 || status === 503));
  t.equal((await ask({ path: '/metrics' })).status, 200, 'others are answered all the same');
  await load.answered('one');
  for (const stream of streams) stream.destroy();
  await load.stop();
  t.strictSame(load.failures, []);
  t.notMatch(portico.stdout + portico.stderr, /token-of-many-letters/);
});
