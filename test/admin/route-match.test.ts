import t from 'tap';
import { adminAppOf } from '../fixtures/admin-app.ts';
import { configOf, FakeAdminSource } from '../fixtures/fake-admin-source.ts';

const TEXT = `
listeners:
  - name: web
    bind: "127.0.0.1:0"
    routes:
      - { host: "*.api.example", methods: [POST], headers: [{ name: X-Version, exact: "2" }], backend: api }
      - { host: "*.api.example", path: { regex: "^/v[0-9]" }, split: [{ backend: app, weight: 9 }, { backend: api, weight: 1 }] }
      - { path: { exact: /old }, redirect: { host: new.example, status: 308 } }
      - { path: /static/, query: [{ name: q, prefix: a }], backend: app }
  - { name: other, bind: "127.0.0.1:0", backend: api }
backends: [{ name: app, servers: [{ address: "127.0.0.1:1" }] }, { name: api, servers: [{ address: "127.0.0.1:2" }] }]
`;

function setUp() {
  const source = new FakeAdminSource();
  source.listenerConfigs = configOf(TEXT).listeners;
  const app = adminAppOf(source);
  const headers = { host: 'localhost' };
  return {
    ask: async (payload: object) =>
      (await app.inject({ method: 'POST', url: '/api/v1/routes/match', headers, payload })).json(),
    get: async (url: string) => (await app.inject({ url, headers })).json(),
  };
}

t.test('where a request would go, by the router of the planes', async (t) => {
  const { ask } = setUp();
  const api = { host: 'EU.api.example', method: 'POST', headers: { 'x-version': '2' } };
  t.match(await ask(api), { listener: 'web', index: 0, target: 'backend api', backends: [{ name: 'api', weight: 1 }] });
  t.match(await ask({ ...api, method: 'GET', path: '/v1/x' }), {
    index: 1,
    target: 'backends app (9), api (1)',
    backends: [
      { name: 'app', weight: 9 },
      { name: 'api', weight: 1 },
    ],
  });
  t.match(await ask({ path: '/old' }), { index: 2, target: 'redirect 308 to host new.example', backends: [] });
  t.match(await ask({ path: '/static/x?q=abc' }), { index: 3 });
  t.match(await ask({ path: '/static/x?q=b' }), { index: null, target: 'answer 404' }, 'the query is looked at');
  t.match(await ask({ listener: 'other', path: '/x' }), { listener: 'other', index: 0, target: 'backend api' });
  t.match(await ask({ listener: 'none' }), { status: 404, detail: 'There is no listener "none".' });
  t.match(await ask({ scheme: 'ftp' }), { status: 400 });
});

t.test('routes as a person reads them', async (t) => {
  const { get } = setUp();
  const { listeners } = await get('/api/v1/routes');
  t.strictSame(
    listeners[0].routes.map(({ conditions, target }: { conditions: string[]; target: string }) => [
      ...conditions,
      target,
    ]),
    [
      ['host *.api.example', 'method POST', 'header x-version = 2', 'backend api'],
      ['host *.api.example', 'path ~ ^/v[0-9]', 'backends app (9), api (1)'],
      ['path /old', 'redirect 308 to host new.example'],
      ['path /static/…', 'query q = a…', 'backend app'],
    ],
  );
  t.match(listeners[1], { name: 'other', routes: [{ conditions: [], target: 'backend api' }] });
});
