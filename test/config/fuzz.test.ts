import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import t from 'tap';
import { stringify } from 'yaml';
import { defaultConfigPath } from '../../config/default-config.ts';
import { type LoadResult, loadConfig } from '../../config/load.ts';

const context = { file: 'f', directory: '/', cpuCount: 2 };
const shipped = readFileSync(defaultConfigPath(), 'utf8');

/** The keys that the schema knows, with values of any kind in any place. */
const KEYS = [
  ...new Set(readFileSync(new URL('../../../config/schema.ts', import.meta.url), 'utf8').match(/\b[a-z_]+(?=:)/g)),
];
const word = fc.constantFrom(
  'app',
  'web',
  'default',
  '0',
  '5s',
  '16k',
  '127.0.0.1:1',
  '::1',
  '1-2',
  'auto',
  'http',
  '/',
);
const { tree } = fc.letrec((tie) => ({
  tree: fc.oneof(
    { depthSize: 'medium', withCrossShrink: true },
    word,
    fc.integer(),
    fc.double(),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('tree'), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom(...KEYS), tie('tree'), { maxKeys: 5 }),
  ),
}));

/** It did not throw; this is the rest of the contract. */
function isSound(result: LoadResult, text: string): boolean {
  if (result.ok) return Object.isFrozen(result.config) && Object.isFrozen(result.config.backends[0]);
  const lines = text.split('\n').length + 1;
  return (
    result.faults.length > 0 &&
    result.faults.every(({ line, column, message }, i, all) => {
      const before = all[i - 1];
      const isOrdered = before === undefined || before.line < line || (before.line === line && before.column <= column);
      return isOrdered && line >= 1 && line <= lines && column >= 1 && message !== '';
    })
  );
}

t.test('known keys with any values', async () => {
  const file = fc.record({
    listeners: fc.array(tree as fc.Arbitrary<unknown>),
    backends: tree,
    sources: tree,
    admin: tree,
  });
  fc.assert(
    fc.property(file, (value) => {
      const text = stringify(value);
      return isSound(loadConfig(text, context), text);
    }),
    { numRuns: 300 },
  );
});

t.test('the shipped file with pieces cut, doubled and put elsewhere', async () => {
  const edit = fc.tuple(fc.nat(shipped.length), fc.nat(40), fc.nat(shipped.length), fc.oneof(word, fc.string()));
  fc.assert(
    fc.property(fc.array(edit, { minLength: 1, maxLength: 4 }), (edits) => {
      let text = shipped;
      for (const [at, length, from, added] of edits) {
        text = text.slice(0, at) + added + shipped.slice(from, from + length) + text.slice(at + length);
      }
      return isSound(loadConfig(text, context), text);
    }),
    { numRuns: 300 },
  );
});

t.test('files made to hurt', async (t) => {
  const bomb = Array.from({ length: 9 }, (_, i) => `k${i}: &k${i} [${`*k${i - 1},`.repeat(i === 0 ? 0 : 9)}x]`).join(
    '\n',
  );
  const texts = {
    'deep list': '['.repeat(20_000),
    'deep mapping': '{ a: '.repeat(20_000),
    'deep block': Array.from({ length: 2000 }, (_, i) => `${' '.repeat(i)}a:`).join('\n'),
    'deep dashes': '- '.repeat(20_000),
    'many aliases': bomb,
    'an alias of itself': 'listeners: &a [*a]\nbackends: *a\n',
    'a prototype': `${shipped}__proto__: { planes: 1 }\nconstructor: 1\n`,
    'keys that are no words': `${shipped}? [a]\n: 1\n? { b: 1 }\n: 2\n: 3\n`,
    'no text': '\0\uFEFF\u2028\uD800',
    'a tag': `${shipped}planes: !!js/function 1\n`,
    'two documents': `${shipped}---\n${shipped}`,
  };
  for (const [name, text] of Object.entries(texts)) {
    const result = loadConfig(text, context);
    t.equal(result.ok, false, name);
    t.ok(isSound(result, text), name);
  }
});
