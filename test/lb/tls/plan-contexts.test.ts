import t from 'tap';
import { planContexts } from '../../../lb/tls/plan-contexts.ts';
import type { Pair } from '../../../lb/tls/tls-material.ts';

const pair = (cert: string, keyType: string, ...names: string[]): Pair => ({ cert, key: '', keyType, names });
const planned = (...pairs: Pair[]) =>
  planContexts(pairs).map(({ names, pairs: chosen }) => [names.join(' '), chosen.map(({ cert }) => cert).join(' ')]);

t.test('certificates that serve a name together', async (t) => {
  t.same(planned(), []);
  t.same(planned(pair('a', 'ec')), [['', 'a']], 'without a name it is for those who give none');
  t.same(planned(pair('a', 'ec', 'x', 'y')), [['x y', 'a']]);
  t.same(planned(pair('a', 'ec', 'x'), pair('b', 'rsa', 'x')), [['x', 'a b']], 'one of each kind of key');
  t.same(
    planned(pair('a', 'ec', 'x'), pair('b', 'ec', 'x', 'y')),
    [
      ['x', 'a'],
      ['y', 'b'],
    ],
    'the first of a kind',
  );
  t.same(planned(pair('a', 'ec', 'x', 'y'), pair('b', 'rsa', 'y', 'z')), [
    ['x', 'a'],
    ['y', 'a b'],
    ['z', 'b'],
  ]);
});
