import t from 'tap';
import { differences } from '../../config/differences.ts';

const brief = (before: unknown, after: unknown): string[] =>
  differences(before, after).map(
    ({ path, ...each }) => `${path.join('.')}: ${JSON.stringify(each.before)} → ${JSON.stringify(each.after)}`,
  );

t.test('values, by name where they have one', async (t) => {
  const app = { name: 'app', servers: [{ address: 'a:1' }, { address: 'b:1', weight: 2 }] };
  t.strictSame(brief({ backends: [app] }, { backends: [app] }), []);
  t.strictSame(brief({ planes: 1 }, { planes: 2 }), ['planes: 1 → 2']);
  t.strictSame(brief({ a: 1 }, { b: 1 }), ['a: 1 → undefined', 'b: undefined → 1']);
  const after = { name: 'app', servers: [{ address: 'c:1' }, { address: 'b:1', weight: 3 }] };
  t.strictSame(brief({ backends: [app, { name: 'x' }] }, { backends: [{ name: 'x' }, after] }), [
    'backends.app.servers.a:1: {"address":"a:1"} → undefined',
    'backends.app.servers.b:1.weight: 2 → 3',
    'backends.app.servers.c:1: undefined → {"address":"c:1"}',
  ]);
  t.strictSame(brief({ routes: [{ host: 'a' }] }, { routes: [{ host: 'b' }, { host: 'a' }] }), [
    'routes.0.host: "a" → "b"',
    'routes.1: undefined → {"host":"a"}',
  ]);
  t.strictSame(brief({ a: ['x', 'y'] }, { a: ['y'] }), ['a.0: "x" → "y"', 'a.1: "y" → undefined']);
  t.strictSame(brief({ a: { b: 1 } }, { a: [1] }), ['a: {"b":1} → [1]'], 'another kind of value');
  const twice = [{ name: 'x' }, { name: 'x', a: 1 }];
  t.strictSame(brief({ a: twice }, { a: [{ name: 'x' }, { name: 'x', a: 2 }] }), ['a.1.a: 1 → 2'], 'names that repeat');
});
