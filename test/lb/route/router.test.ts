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
