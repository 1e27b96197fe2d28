import fc from 'fast-check';
import t from 'tap';
import { compilePathChange } from '../../../lb/route/path-changer.ts';

t.test('a prefix is replaced on whole segments, with one slash where the two meet', async (t) => {
  const cases: [from: string | undefined, to: string, path: string, expected: string][] = [
    ['/api', '/', '/api', '/'],
    ['/api', '/', '/api/x', '/x'],
    ['/api/', '/', '/api/x', '/x'],
    ['/api/', '/v2', '/api/x', '/v2/x'],
    ['/api', '/v2/', '/api/x', '/v2/x'],
    ['/api', '/v2/', '/api', '/v2/'],
    ['/api', '/v2', '/api', '/v2'],
    ['/api/', '/v2', '/api/', '/v2/'],
    [undefined, '/v2', '/x', '/v2/x'],
    ['/', '/v2/', '/', '/v2/'],
    ['/', '/v2', '*', '*'],
    ['/api/', '/', '/api//host', '//host'],
  ];
  for (const [from, to, path, expected] of cases) {
    t.equal(compilePathChange({ prefix: to }, from)(path), expected, `${path}: ${from} → ${to}`);
  }
});

t.test('a whole path, with groups of the route’s pattern', async (t) => {
  const change = compilePathChange({ path: '/$2/$1/$$1/$3' }, { regex: '^/([a-z]+)/([0-9]+)(x)?' });
  t.equal(change('/abc/17/rest'), '/17/abc/$1/');
  t.equal(change('/abc/17x'), '/17/abc/$1/x');
  t.equal(compilePathChange({ path: '/fixed' }, '/x')('/x/y'), '/fixed');
  t.equal(compilePathChange({ path: '/$1' }, { regex: '^/nothing' })('/nothing'), '/', 'a group that is not there');
});

t.test('no path makes a pattern slow', async (t) => {
  // Each of these takes a backtracking matcher longer than the age of the universe.
  const change = compilePathChange({ path: '/$1' }, { regex: '^/((a+)+)+$' });
  t.equal(change(`/${'a'.repeat(16_000)}`).length, 16_001);
  const evil = `/${'a'.repeat(16_000)}!`;
  t.equal(change(evil), evil, 'what the pattern does not match stays');
});

t.test('whatever the prefixes, the result is a path', async () => {
  const path = fc.array(fc.constantFrom('a', 'b', ''), { maxLength: 4 }).map((segments) => `/${segments.join('/')}`);
  fc.assert(
    fc.property(path, path, path, (from, to, rest) => {
      const result = compilePathChange(
        { prefix: to },
        from,
      )(from.endsWith('/') ? `${from}${rest.slice(1)}` : from + rest);
      return result.startsWith('/');
    }),
  );
});
