import t from 'tap';
import type { AdminSource } from '../../admin/admin-source.ts';
import { adminAppOf } from '../fixtures/admin-app.ts';
import { FakeAdminSource, planeMetrics } from '../fixtures/fake-admin-source.ts';

function appOf(source: AdminSource, onError: (error: unknown) => void = () => {}) {
  const app = adminAppOf(source, { onError });
  const get = async (url: string) => {
    const { statusCode, headers, body } = await app.inject({ url, headers: { host: '127.0.0.1:9797' } });
    return { status: statusCode, type: String(headers['content-type']), body };
  };
  return { app, get };
}

t.test('health and readiness', async (t) => {
  const source = new FakeAdminSource();
  const { get } = appOf(source);
  t.match(await get('/healthz'), { status: 200, body: '{"status":"ok"}' });
  t.match(await get('/readyz'), { status: 200, body: '{"status":"ready","reasons":[]}' });
  source.reasons = ['draining'];
  t.match(await get('/readyz'), { status: 503, body: '{"status":"not ready","reasons":["draining"]}' });
  t.match(await get('/healthz'), { status: 200 }, 'alive, ready or not');
  t.equal(source.collections, 0, 'planes are not asked');
});

t.test('status', async (t) => {
  const source = new FakeAdminSource();
  source.reasons = ['draining'];
  const { get } = appOf(source);
  t.same(JSON.parse((await get('/api/v1/status')).body), {
    version: '1.2.3',
    pid: 1,
    uptime_seconds: 5,
    ready: false,
    listeners: [{ name: 'web', engine: 'http', bind: '127.0.0.1:80', connections: 2, websockets: 1 }],
    planes: [{ id: 'plane-1', pid: 2, ready: true, restarts: 3 }],
    workers: [{ id: 'app-1', pid: null, ready: false, restarts: 4 }],
    backends: [
      {
        name: 'app',
        sticky: null,
        servers: [
          {
            id: '127.0.0.1:1',
            weight: 1,
            backup: false,
            healthy: true,
            state: 'ready',
            active: 1,
            idle: 2,
            ejected_by: 1,
            answers_total: 4,
            answer_seconds_total: 0.5,
          },
        ],
      },
    ],
    ports: [
      {
        pool: 'default',
        source: '127.0.1.1',
        destination: '127.0.0.1:1',
        free: 100,
        used: 1,
        quarantined: 3,
        unusable: 1,
      },
    ],
  });
});

t.test('listeners and backends, of all planes that are alive', async (t) => {
  const source = new FakeAdminSource();
  source.current = {
    planes: new Map([
      ['plane-1', planeMetrics()],
      ['plane-2', planeMetrics(2)],
    ]),
    retired: planeMetrics(10),
    isComplete: true,
  };
  const { get } = appOf(source);
  t.same(JSON.parse((await get('/api/v1/listeners')).body), {
    listeners: [{ name: 'web', engine: 'http', bind: '127.0.0.1:80', connections: 6, websockets: 3 }],
  });
  t.same(JSON.parse((await get('/api/v1/backends')).body), {
    backends: [
      {
        name: 'app',
        sticky: null,
        servers: [
          {
            id: '127.0.0.1:1',
            weight: 1,
            backup: false,
            healthy: true,
            state: 'ready',
            active: 3,
            idle: 6,
            ejected_by: 2,
            answers_total: 12,
            answer_seconds_total: 1.5,
          },
        ],
      },
    ],
  });
  source.current = { planes: new Map(), retired: undefined, isComplete: false };
  t.match(JSON.parse((await get('/api/v1/listeners')).body), { listeners: [{ connections: 0, websockets: 0 }] });
  t.match(JSON.parse((await get('/api/v1/backends')).body), { backends: [{ servers: [{ active: 0, idle: 0 }] }] });
});

t.test('without the UI, the page links to everything there is', async (t) => {
  const { get } = appOf(new FakeAdminSource());
  const page = await get('/');
  t.match(page, { status: 200, type: /^text\/html/ });
  const links = [...page.body.matchAll(/href="([^"]+)"/g)].map((match) => match[1]!);
  t.strictSame(links.toSorted(), [
    '/api/v1/backends',
    '/api/v1/listeners',
    '/api/v1/ports',
    '/api/v1/sources',
    '/api/v1/status',
    '/healthz',
    '/metrics',
    '/readyz',
  ]);
  for (const link of links) t.match(await get(link), { status: 200 }, link);
});

t.test('errors are problem details', async (t) => {
  const { app, get } = appOf(new FakeAdminSource());
  const problem = /^application\/problem\+json/;
  const missing = await get('/nothing');
  t.match(missing, { status: 404, type: problem });
  t.strictSame(JSON.parse(missing.body), {
    type: 'about:blank',
    title: 'Not Found',
    status: 404,
    detail: 'There is nothing at GET /nothing.',
  });
  const unreadable = await get('/%E0%A4%A');
  t.match(unreadable, { status: 400, type: problem });
  t.match(JSON.parse(unreadable.body), { title: 'Bad Request', status: 400 });
  const broken = await app.inject({
    method: 'POST',
    url: '/healthz',
    headers: { host: 'localhost', 'content-type': 'application/json' },
    payload: '{',
  });
  t.equal(broken.statusCode, 400);
  t.match(broken.headers['content-type'], problem);
});

t.test('what goes wrong inside is told to the operator, not to the client', async (t) => {
  const source = new FakeAdminSource();
  const errors: unknown[] = [];
  const { get } = appOf(source, (error) => errors.push(error));
  const error = new Error('secret');
  const works = source.traffic.bind(source);
  source.traffic = () => Promise.reject(error);
  for (const path of ['/metrics', '/api/v1/status']) {
    const answer = await get(path);
    t.match(answer, { status: 500, type: /^application\/problem\+json/ });
    t.notMatch(answer.body, /secret/);
  }
  t.strictSame(errors, [error, error]);
  source.traffic = works;
  t.match(await get('/metrics'), { status: 200 }, 'the next scrape asks anew');
});

t.test('requests at the same time share one collection', async (t) => {
  const source = new FakeAdminSource();
  let answer = (): void => {};
  let asked = 0;
  source.traffic = () => {
    asked++;
    return new Promise((resolve) => {
      answer = () => resolve(source.current);
    });
  };
  const { app, get } = appOf(source);
  await app.ready();
  const paths = ['/metrics', '/metrics', '/api/v1/status'];
  const answers = paths.map(get);
  // Injected requests run in order, so those before it have asked when this one is answered.
  await get('/readyz');
  t.equal(asked, 1);
  answer();
  const [a, b, status] = await Promise.all(answers);
  t.equal(a!.body, b!.body);
  t.equal(status!.status, 200);
  const next = get('/metrics');
  await get('/healthz');
  t.equal(asked, 2);
  answer();
  await next;
});
