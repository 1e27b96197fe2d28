import t from 'tap';
import { Audit } from '../../admin/events/audit.ts';
import { EventFeed } from '../../admin/events/event-feed.ts';
import { adminAppOf } from '../fixtures/admin-app.ts';
import { FakeAdminSource, serverState, sourceStatus } from '../fixtures/fake-admin-source.ts';
import { etagOf, FakeConfigSource } from '../fixtures/fake-config-source.ts';

const TEXT = `# the front door
sources: [{ name: default, addresses: [127.0.1.1] }]
listeners:
  - name: web
    bind: 127.0.0.1:80
    backend: app
    request_headers: { set: { Authorization: Bearer hunter2 } }
backends:
  - name: app
    servers:
      - address: 127.0.0.1:1 # the only one
`;
const CONFIG = '/api/v1/config';

function start(text = TEXT) {
  const source = new FakeAdminSource();
  source.list = [sourceStatus()];
  const config = new FakeConfigSource(text);
  const feed = new EventFeed({ epochMs: () => 0 });
  const app = adminAppOf(source, { config, events: feed, audit: new Audit({ feed }) });
  const send = async (
    method: 'GET' | 'PUT' | 'POST' | 'PATCH' | 'DELETE',
    url: string,
    payload?: object | string,
    more: Record<string, string> = {},
  ) => {
    const answer = await app.inject({
      method,
      url,
      headers: { host: 'localhost', ...more },
      ...(payload === undefined ? {} : { payload }),
    });
    return { status: answer.statusCode, etag: answer.headers.etag, body: answer.json() as Record<string, unknown> };
  };
  return { source, config, feed, send };
}

t.test('the config, without its secrets, and what runs', async (t) => {
  const { source, config, send } = start();
  const { status, etag, body } = await send('GET', CONFIG);
  t.equal(status, 200);
  t.equal(etag, `"${etagOf(TEXT)}"`);
  t.match(body, {
    file: '/etc/portico.yaml',
    etag: etagOf(TEXT),
    is_running: true,
    can_roll_back: false,
    differences: [],
  });
  t.match(body.text, /^# the front door\n[\s\S]*Authorization: "<secret [0-9a-f]{12}>" \}/);
  t.notMatch(JSON.stringify(body), /hunter2/);

  config.fileText = TEXT.replace('127.0.0.1:80', '127.0.0.1:81').replace('hunter2', 'hunter3');
  source.backends = () => [{ name: 'app', servers: [serverState({ admin: 'drain', weight: 5 })] }];
  source.list = [sourceStatus({ state: { kind: 'draining' } }), sourceStatus({ address: '127.0.1.9' })];
  const changed = await send('GET', CONFIG);
  t.equal(changed.body.is_running, false);
  t.match(changed.body.differences, [
    { path: 'sources.default.addresses.127.0.1.1', before: '127.0.1.1', after: null },
    { path: 'sources.default.addresses.127.0.1.9', before: null, after: '127.0.1.9' },
    { path: 'listeners.web.bind', before: '127.0.0.1:81', after: '127.0.0.1:80' },
    { path: 'listeners.web.request_headers.set.Authorization', before: /^secret /, after: /^secret / },
    { path: 'backends.app.servers.127.0.0.1:1.weight', before: 1, after: 5 },
    { path: 'backends.app.servers.127.0.0.1:1.state', before: 'ready', after: 'drain' },
  ]);
  t.notMatch(JSON.stringify(changed.body), /hunter/);
  config.fileText = 'a: [';
  t.match((await send('GET', CONFIG)).body, { differences: null, text: 'a: [' });
});

t.test('a config is put by the one who saw the last', async (t) => {
  const { config, feed, send } = start();
  const text = ((await send('GET', CONFIG)).body.text as string).replace('127.0.0.1:80', '127.0.0.1:8080');
  const put = (more: Record<string, string>, query = '') => send('PUT', `${CONFIG}${query}`, { text }, more);
  const good = { 'if-match': `"${etagOf(TEXT)}"` };
  t.match(await put({}), { status: 428, body: { detail: /If-Match/ } });
  t.match(await put({ 'if-match': '"other"' }), { status: 412 });
  t.match(await put({ 'if-match': `W/"${etagOf(TEXT)}"` }), { status: 412 });
  t.match(await put({ 'if-match': 'bare' }), { status: 400 });
  t.equal(config.runningText, TEXT);

  const change = { path: 'listeners.web.bind', before: '127.0.0.1:80', after: '127.0.0.1:8080' };
  t.match(await put(good, '?dry_run=true'), { status: 200, body: { dry_run: true, kept: false, changes: [change] } });
  t.equal(config.runningText, TEXT);
  t.strictSame(feed.before(undefined, 9), [], 'a dry run is no change');

  const made = await put({ 'if-match': `"x", "${etagOf(TEXT)}"` });
  const expected = TEXT.replace('127.0.0.1:80', '127.0.0.1:8080');
  t.match(made, {
    status: 200,
    etag: `"${etagOf(expected)}"`,
    body: { dry_run: false, kept: true, changes: [change] },
  });
  t.equal(config.fileText, expected, 'with its secret');
  t.match(feed.before(undefined, 1), [
    {
      type: 'change',
      data: {
        action: 'config.put',
        before: { etag: etagOf(TEXT) },
        after: { etag: etagOf(expected), changes: [change] },
        kept: true,
      },
    },
  ]);
  t.match(await put(good), { status: 412 }, 'somebody was faster');
  const yaml = await send('PUT', `${CONFIG}?keep=false`, TEXT, { 'if-match': '*', 'content-type': 'application/yaml' });
  t.match(yaml, { status: 200, body: { kept: false } });
  t.equal(config.runningText, TEXT);
  t.equal(config.fileText, expected);

  t.match((await send('GET', CONFIG)).body, { can_roll_back: true });
  t.match(await send('POST', `${CONFIG}/rollback?dry_run=true`), { status: 200, body: { dry_run: true } });
  t.match(await send('POST', `${CONFIG}/rollback`), { status: 200, body: { kept: true, etag: etagOf(expected) } });
  t.equal(config.runningText, expected);
});

t.test('a config that cannot be is refused with its faults', async (t) => {
  const { config, send } = start();
  const any = { 'if-match': '*' };
  const bad = TEXT.replace('backend: app', 'backend: ap').replace('bind', 'bnd');
  const refused = await send('PUT', CONFIG, { text: bad }, any);
  t.equal(refused.status, 422);
  t.match(refused.body, {
    type: 'about:blank',
    title: 'Unprocessable Entity',
    faults: [{ line: 4 }, { line: 5, column: 5, path: 'listeners[0].bnd', suggestion: 'bind' }],
  });
  t.match(await send('POST', `${CONFIG}/validate`, { text: bad }), {
    status: 200,
    body: { valid: false, faults: [{ line: 4 }, { line: 5 }] },
  });
  t.match(await send('POST', `${CONFIG}/validate`, { text: TEXT }), { status: 200, body: { valid: true, faults: [] } });
  const lost = TEXT.replace('Bearer hunter2', '"<secret 0123456789ab>"');
  const fault = { line: 7, column: 46, message: /write it out/ };
  t.match(await send('PUT', CONFIG, { text: lost }, any), { status: 422, body: { faults: [fault] } });
  t.match(await send('POST', `${CONFIG}/validate`, { text: lost }), { body: { valid: false, faults: [fault] } });
  const short = TEXT.replace('    servers:', '    sticky: { cookie: a, key: hunter4 }\n    servers:');
  t.notMatch(
    JSON.stringify((await send('PUT', CONFIG, { text: short }, any)).body),
    /hunter4/,
    'not in an error either',
  );
  t.match(await send('POST', `${CONFIG}/rollback`), {
    status: 409,
    body: { detail: 'There is nothing to go back to.' },
  });
  for (const [reason, status] of [
    ['failed', 409],
    ['file', 409],
    ['changed', 412],
    ['stopping', 503],
  ] as const) {
    config.refusal = { ok: false, reason, detail: 'It is so.' };
    t.match(await send('PUT', CONFIG, { text: TEXT }, any), { status }, reason);
  }
  t.match(await send('PUT', CONFIG, { text: 5, more: 1 }, any), { status: 400 });
  t.match(await send('PUT', CONFIG, { text: 'x'.repeat(1_000_001) }, any), { status: 400 });
});

t.test('changes at run time are written into the file if asked for', async (t) => {
  const { source, config, feed, send } = start();
  const server = '/api/v1/backends/app/servers/127.0.0.1:1';
  source.serverChange = { ok: true, server: serverState({ weight: 4 }) };
  t.match(await send('PATCH', server, { weight: 4 }), { status: 200 });
  t.equal(config.fileText, TEXT);
  t.match(await send('PATCH', `${server}?keep=true`, { weight: 4 }), { status: 200 });
  t.equal(config.fileText, TEXT.replace('# the only one\n', '# the only one\n        weight: 4\n'));
  t.match(feed.before(undefined, 2), [{ data: { kept: true } }, { data: { kept: false } }]);
  t.match(await send('DELETE', `${server}?keep=true`), {
    status: 409,
    body: { applied: true, detail: /^The change was made, and not kept: the config file has no place/ },
  });
  t.match(feed.before(undefined, 1), [{ data: { action: 'server.remove', kept: false } }]);
  source.change = { ok: true, status: sourceStatus({ address: '127.0.1.7' }) };
  t.match(await send('POST', '/api/v1/sources/default/addresses?keep=true', { address: '127.0.1.7' }), { status: 201 });
  t.ok(
    config.fileText.includes('addresses: [ 127.0.1.1, 127.0.1.7 ]') ||
      config.fileText.includes('[127.0.1.1, 127.0.1.7]'),
  );
  t.match(config.validate(config.fileText), { ok: true });
  config.refusal = { ok: false, reason: 'file', detail: 'the disk is full.' };
  t.match(await send('PATCH', `${server}?keep=true`, { weight: 4 }), {
    status: 409,
    body: { applied: true, detail: 'The change was made, and not kept: the disk is full.' },
  });
});

t.test('without a file', async (t) => {
  const app = adminAppOf(new FakeAdminSource());
  const headers = { host: 'localhost', 'if-match': '*' };
  const statusOf = async (method: 'GET' | 'PUT' | 'POST' | 'PATCH', url: string, payload?: object) =>
    (await app.inject({ method, url, headers, ...(payload === undefined ? {} : { payload }) })).statusCode;
  t.equal(await statusOf('GET', CONFIG), 409);
  t.equal(await statusOf('PUT', CONFIG, { text: '' }), 409);
  t.equal(await statusOf('POST', `${CONFIG}/validate`, { text: '' }), 409);
  t.equal(await statusOf('POST', `${CONFIG}/rollback`), 409);
  t.equal(await statusOf('PATCH', '/api/v1/backends/app/servers/a?keep=true', { weight: 1 }), 409);
});
