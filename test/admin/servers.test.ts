import t from 'tap';
import type { ServerChange } from '../../admin/admin-source.ts';
import { adminAppOf } from '../fixtures/admin-app.ts';
import { FakeAdminSource, serverState } from '../fixtures/fake-admin-source.ts';

const headers = { host: '127.0.0.1:9797' };
const SERVERS = '/api/v1/backends/app/servers';

function appOf(source: FakeAdminSource) {
  const app = adminAppOf(source);
  return {
    patch: (server: string, payload: object) =>
      app.inject({ method: 'PATCH', url: `${SERVERS}/${encodeURIComponent(server)}`, headers, payload }),
    post: (payload: object) => app.inject({ method: 'POST', url: SERVERS, headers, payload }),
    remove: (server: string) =>
      app.inject({ method: 'DELETE', url: `${SERVERS}/${encodeURIComponent(server)}`, headers }),
  };
}

t.test('servers are changed, added and removed', async (t) => {
  const source = new FakeAdminSource();
  const { patch, post, remove } = appOf(source);
  source.serverChange = { ok: true, server: serverState({ admin: 'drain', weight: 3, healthy: false, reason: 'why' }) };
  const patched = await patch('[::1]:80', { state: 'drain', weight: 3 });
  t.equal(patched.statusCode, 200);
  t.strictSame(patched.json(), {
    id: '127.0.0.1:1',
    weight: 3,
    backup: false,
    healthy: false,
    reason: 'why',
    state: 'drain',
  });
  t.equal((await post({ address: '10.0.0.1:80' })).statusCode, 201);
  t.equal((await post({ address: '10.0.0.1:80', weight: 0, backup: true })).statusCode, 201);
  t.equal((await remove('127.0.0.1:1')).statusCode, 202);
  t.strictSame(source.asked, [
    ['change', 'app', '[::1]:80', { state: 'drain', weight: 3 }],
    ['add', 'app', { address: '10.0.0.1:80', weight: 1, backup: false }],
    ['add', 'app', { address: '10.0.0.1:80', weight: 0, backup: true }],
    ['remove', 'app', '127.0.0.1:1'],
  ]);
});

t.test('what cannot be done is said', async (t) => {
  const source = new FakeAdminSource();
  const { patch, post, remove } = appOf(source);
  for (const wish of [{}, { state: 'down' }, { weight: 257 }, { weight: -1 }, { state: 'ready', wieght: 1 }]) {
    t.equal((await patch('a', wish)).statusCode, 400, JSON.stringify(wish));
  }
  t.equal((await post({ weight: 1 })).statusCode, 400);
  t.strictSame(source.asked, []);
  const statuses: [Extract<ServerChange, { ok: false }>['reason'], number][] = [
    ['no-backend', 404],
    ['no-server', 404],
    ['exists', 409],
    ['last', 409],
    ['workers', 409],
    ['invalid', 422],
  ];
  for (const [reason, status] of statuses) {
    source.serverChange = { ok: false, reason, detail: 'Because.' };
    for (const answer of [await patch('a', { weight: 1 }), await post({ address: 'x' }), await remove('a')]) {
      t.equal(answer.statusCode, status);
      t.match(answer.json(), { status, detail: 'Because.' });
    }
  }
});
