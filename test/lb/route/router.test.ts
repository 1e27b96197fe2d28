import fc from 'fast-check';
import t from 'tap';
import type { RouteRequest } from '../../../lb/route/route-request.ts';
import { Router } from '../../../lb/route/router.ts';

const request = (host: string, path: string, more: Partial<RouteRequest> = {}): RouteRequest => ({
  host,
  path,
  method: 'GET',
  scheme: 'http',
  header: () => undefined,
  parameter: () => undefined,
  ...more,
});

t.test('the first route that matches wins', async (t) => {
  const router = new Router([
    { host: 'a.example', path: '/api/', backend: 'x' },
    { host: 'a.example', backend: 'x' },
    { host: '*.wild.example', backend: 'x' },
    { host: '[::1]', backend: 'x' },
    { path: '/exact', backend: 'x' },
  ]);
  const cases: [string, string, number | undefined][] = [
    ['a.example', '/api/', 0],
    ['a.example:8080', '/api/v1', 0],
    ['a.example', '/api', 1],
    ['a.example', '/apix', 1],
    ['a.examples', '/', undefined],
    ['xa.example', '/', undefined],
    ['b.wild.example', '/', 2],
    ['c.b.wild.example:1', '/', 2],
    ['wild.example', '/', undefined],
    ['.wild.example', '/', undefined],
    ['[::1]:80', '/', 3],
    ['[::1]', '/', 3],
    ['other', '/exact', 4],
    ['other', '/exact/below', 4],
    ['other', '/exactly', undefined],
    ['', '/exact', 4],
    ['other', '*', undefined],
  ];
  for (const [host, path, expected] of cases) t.equal(router.match(request(host, path)), expected, `${host}${path}`);
});

t.test('a first route without conditions takes everything', async (t) => {
  t.equal(new Router([{ backend: 'x' }]).isCatchAll, true);
  t.equal(new Router([{ path: '/', backend: 'x' }]).isCatchAll, true);
  t.equal(new Router([{ host: 'a', backend: 'x' }, { backend: 'y' }]).isCatchAll, false);
  t.equal(new Router([{ host: 'a', backend: 'x' }, { backend: 'y' }]).match(request('b', '*')), 1);
});

t.test('names are compared without the dot of the root, and IPv6 addresses in brackets', async (t) => {
  const router = new Router([
    { host: 'a.example', backend: 'x' },
    { host: 'b.example.', backend: 'x' },
    { host: '*.wild.example', backend: 'x' },
    { host: '2001:db8::1', backend: 'x' },
  ]);
  const cases: [string, number | undefined][] = [
    ['a.example.', 0],
    ['a.example.:8080', 0],
    ['a.example..', undefined],
    ['b.example', 1],
    ['b.example.', 1],
    ['x.wild.example.:1', 2],
    ['wild.example.', undefined],
    ['[2001:db8::1]', 3],
    ['[2001:db8::1]:443', 3],
    ['[2001:db8::2]', undefined],
    ['2001:db8::1', undefined],
    ['', undefined],
    ['.', undefined],
    [':80', undefined],
    ['[', undefined],
    ['[::1', undefined],
  ];
  for (const [host, expected] of cases) t.equal(router.match(request(host, '/')), expected, JSON.stringify(host));
});

t.test('a host with a port takes requests for that port', async (t) => {
  const router = new Router([
    { host: 'a.example:8080', backend: 'x' },
    { host: 'a.example:80', backend: 'x' },
    { host: '*.b.example:8443', backend: 'x' },
    { host: '[::1]:81', backend: 'x' },
    { host: 'a.example', backend: 'x' },
  ]);
  const cases: [string, 'http' | 'https', number | undefined][] = [
    ['a.example:8080', 'http', 0],
    ['a.example.:8080', 'http', 0],
    ['a.example', 'http', 1],
    ['a.example:', 'http', 1],
    ['a.example', 'https', 4],
    ['a.example:443', 'https', 4],
    ['a.example:9', 'http', 4],
    ['x.b.example:8443', 'http', 2],
    ['x.b.example', 'http', undefined],
    ['[::1]:81', 'http', 3],
    ['[::1]', 'http', undefined],
  ];
  for (const [host, scheme, expected] of cases) t.equal(router.match(request(host, '/', { scheme })), expected, host);
});

t.test('exact paths, patterns, methods, header fields and parameters', async (t) => {
  const router = new Router([
    { path: { exact: '/exact' }, backend: 'x' },
    { path: { regex: '^/u/[0-9]+$' }, backend: 'x' },
    { path: '/m', methods: ['POST', 'PUT'], backend: 'x' },
    {
      headers: [
        { name: 'x-a', is: 'present' },
        { name: 'x-b', exact: '1' },
      ],
      backend: 'x',
    },
    { headers: [{ name: 'x-c', prefix: 'v2' }], backend: 'x' },
    { headers: [{ name: 'x-d', regex: 'canary' }], query: [{ name: 'q', is: 'absent' }], backend: 'x' },
    { query: [{ name: 'q', exact: 'a b' }], backend: 'x' },
    { scheme: 'https', backend: 'x' },
  ]);
  const take = (path: string, more: Partial<RouteRequest> = {}) => router.match(request('a', path, more));
  const fields = (values: Record<string, string>) => ({ header: (name: string) => values[name] });
  const query = (values: Record<string, string>) => ({ parameter: (name: string) => values[name] });
  t.equal(take('/exact'), 0);
  t.equal(take('/exact/'), undefined);
  t.equal(take('/u/17'), 1);
  t.equal(take('/u/17a'), undefined);
  t.equal(take('/m/x'), undefined);
  t.equal(take('/m/x', { method: 'PUT' }), 2);
  t.equal(take('/', fields({ 'x-a': '', 'x-b': '1' })), 3);
  t.equal(take('/', fields({ 'x-a': '', 'x-b': '2' })), undefined);
  t.equal(take('/', fields({ 'x-c': 'v2.1' })), 4);
  t.equal(take('/', fields({ 'x-d': 'the canary' })), 5);
  t.equal(take('/', { ...fields({ 'x-d': 'the canary' }), ...query({ q: '' }) }), undefined);
  t.equal(take('/', query({ q: 'a b' })), 6);
  t.equal(take('/', { scheme: 'https' }), 7);
  t.equal(new Router([{ methods: ['GET'], backend: 'x' }]).isCatchAll, false);
});

t.test('the path / is every path of its host', async (t) => {
  const router = new Router([{ host: 'a', path: '/', backend: 'x' }]);
  for (const path of ['/', '/x', '//', '*']) t.equal(router.match(request('a', path)), 0, path);
  t.equal(router.match(request('b', '/')), undefined);
});

t.test('a router says what a plain reading of the rules says', async () => {
  const label = fc.constantFrom('a', 'b', 'ab');
  const name = fc.array(label, { minLength: 1, maxLength: 3 }).map((labels) => labels.join('.'));
  const path = fc.array(label, { maxLength: 3 }).map((segments) => `/${segments.join('/')}`);
  const rule = fc.record({
    host: fc.option(
      fc.oneof(
        name,
        name.map((below) => `*.${below}`),
      ),
      { nil: undefined },
    ),
    path: fc.option(
      fc.tuple(path, fc.constantFrom('', '/')).map(([text, end]) => (text + end).replace('//', '/')),
      {
        nil: undefined,
      },
    ),
  });
  const takesHost = (pattern: string | undefined, host: string): boolean =>
    pattern === undefined || (pattern.startsWith('*.') ? host.endsWith(pattern.slice(1)) : host === pattern);
  const takesPath = (prefix: string | undefined, path: string): boolean =>
    prefix === undefined || path === prefix || path.startsWith(prefix.endsWith('/') ? prefix : `${prefix}/`);
  fc.assert(
    fc.property(
      fc.array(rule, { maxLength: 4 }),
      name,
      fc.constantFrom('', ':80', '.:80'),
      path,
      (rules, host, port, path) => {
        const router = new Router(
          rules.map((rule) => ({
            backend: 'x',
            ...(rule.host === undefined ? {} : { host: rule.host }),
            ...(rule.path === undefined ? {} : { path: rule.path }),
          })),
        );
        const expected = rules.findIndex((rule) => takesHost(rule.host, host) && takesPath(rule.path, path));
        return router.match(request(`${host}${port}`, path)) === (expected < 0 ? undefined : expected);
      },
    ),
  );
});
