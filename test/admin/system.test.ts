import t from 'tap';
import type { SystemChange } from '../../admin/system-source.ts';
import { adminAppOf } from '../fixtures/admin-app.ts';
import { FakeAdminSource } from '../fixtures/fake-admin-source.ts';

const host = '127.0.0.1:9797';
const appOf = (source: FakeAdminSource, token?: string) => adminAppOf(source, {}, { token });

t.test('the report, with everything that a page has to show', async (t) => {
  const source = new FakeAdminSource();
  const app = appOf(source);
  const get = (url: string) => app.inject({ url, headers: { host } });
  const { statusCode, body } = await get('/api/v1/system');
  t.equal(statusCode, 200);
  t.strictSame(JSON.parse(body), source.system.report());
  t.match(JSON.parse((await get('/api/v1/system?for=1000000')).body), { target: 1_000_000 });
  for (const query of ['for=0', 'for=x', 'for=1.5', 'for=100000001', 'target=5']) {
    t.equal((await get(`/api/v1/system?${query}`)).statusCode, 400, query);
  }
});

t.test('changes', async (t) => {
  const source = new FakeAdminSource();
  const app = appOf(source);
  const post = (what: string, payload: object) =>
    app.inject({ method: 'POST', url: `/api/v1/system/${what}`, headers: { host }, payload });
  const changed = [{ name: 'net.core.somaxconn', from: '4096', to: '32768' }];
  const left = [{ id: 'kernel', reason: 'person', detail: 'old', commands: ['# upgrade'] }];
  source.system.change = { ok: true, changed, left, notices: ['careful'] };
  const done = await post('apply', { for: 5, only: ['net.core.somaxconn'], dry_run: true });
  t.equal(done.statusCode, 200);
  t.strictSame(JSON.parse(done.body), { dry_run: true, changed, left, notices: ['careful'] });
  t.match(JSON.parse((await post('undo', {})).body), { dry_run: false });
  t.strictSame(source.system.asked.splice(0), [
    ['apply', { target: 5, only: ['net.core.somaxconn'], isDryRun: true }],
    ['undo', { target: undefined, only: undefined, isDryRun: false }],
  ]);
  for (const payload of [{ only: [] }, { only: {} }, { for: -1 }, { all: true }, { dry_run: 'maybe' }, []]) {
    t.equal((await post('apply', payload)).statusCode, 400, JSON.stringify(payload));
  }
  t.strictSame(source.system.asked, []);
});

t.test('a refusal has the commands to type instead', async (t) => {
  const source = new FakeAdminSource();
  const app = appOf(source);
  const statuses: Record<Extract<SystemChange, { ok: false }>['reason'], number> = {
    denied: 403,
    unknown: 422,
    conflict: 409,
    full: 507,
  };
  for (const [reason, status] of Object.entries(statuses)) {
    const commands = ["sysctl -w net.core.somaxconn='32768'"];
    source.system.change = { ok: false, reason: reason as keyof typeof statuses, detail: 'no', commands };
    const answer = await app.inject({ method: 'POST', url: '/api/v1/system/apply', headers: { host }, payload: {} });
    t.equal(answer.statusCode, status, reason);
    t.match(answer.headers['content-type'], /^application\/problem\+json/);
    t.match(JSON.parse(answer.body), { status, detail: 'no', commands });
  }
});

t.test('guarded like every other change', async (t) => {
  const source = new FakeAdminSource();
  const send = async (headers: Record<string, string>, token?: string) => {
    const json = { host, 'content-type': 'application/json', ...headers };
    const answers = await Promise.all(
      ['apply', 'undo'].map((what) =>
        appOf(source, token).inject({
          method: 'POST',
          url: `/api/v1/system/${what}`,
          headers: json,
          payload: '{}',
        }),
      ),
    );
    return answers.map(({ statusCode }) => statusCode);
  };
  t.strictSame(await send({ origin: 'http://evil.example' }), [403, 403]);
  t.strictSame(await send({ 'content-type': 'text/plain' }), [415, 415]);
  t.strictSame(await send({}, 'secret'), [401, 401]);
  t.strictSame(await send({ host: 'evil.example' }), [421, 421]);
  t.strictSame(source.system.asked, []);
  t.strictSame(await send({ authorization: 'Bearer secret' }, 'secret'), [200, 200]);
});

t.test('metrics', async (t) => {
  const { body } = await appOf(new FakeAdminSource()).inject({ url: '/metrics', headers: { host } });
  t.match(body, /^portico_system_findings\{severity="warn"\} 1$/m);
  t.match(body, /^portico_system_findings\{severity="fail"\} 0$/m);
  t.match(body, /^portico_system_capacity_connections\{limit="descriptors"\} 9984$/m);
});
