import fc from 'fast-check';
import t from 'tap';
import { Router } from '../../../lb/route/router.ts';

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
  for (const [host, path, expected] of cases) t.equal(router.match(host, path), expected, `${host}${path}`);
});

t.test('a first route without conditions takes everything', async (t) => {
  t.equal(new Router([{ backend: 'x' }]).isCatchAll, true);
  t.equal(new Router([{ path: '/', backend: 'x' }]).isCatchAll, true);
  t.equal(new Router([{ host: 'a', backend: 'x' }, { backend: 'y' }]).isCatchAll, false);
  t.equal(new Router([{ host: 'a', backend: 'x' }, { backend: 'y' }]).match('b', '*'), 1);
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
  for (const [host, expected] of cases) t.equal(router.match(host, '/'), expected, JSON.stringify(host));
});

t.test('the path / is every path of its host', async (t) => {
  const router = new Router([{ host: 'a', path: '/', backend: 'x' }]);
  for (const path of ['/', '/x', '//', '*']) t.equal(router.match('a', path), 0, path);
  t.equal(router.match('b', '/'), undefined);
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
        return router.match(`${host}${port}`, path) === (expected < 0 ? undefined : expected);
      },
    ),
  );
});
