import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import t from 'tap';
import { stringify } from 'yaml';
import { loadConfig } from '../../../config/load.ts';
import { haproxyConfig } from '../../../lb/haproxy/haproxy-config.ts';
import { quote } from '../../../lb/haproxy/quote.ts';
import { haproxyLines } from '../../../lb/haproxy/server-lines.ts';
import { complaints, load, planOf } from '../../fixtures/haproxy.ts';
import { haproxyFile } from '../../fixtures/haproxy-arbitrary.ts';
import { checkGenerated, TOGETHER } from '../../fixtures/haproxy-generated.ts';

const skip = spawnSync('haproxy', ['-v']).status === 0 ? false : 'haproxy is not installed';
/** On a slow or crowded machine fewer files are looked at; `npm run soak-haproxy-files` looks at a thousand however long it takes. */
const MOST_MS = 8_000;

t.test('generated files become configurations that HAProxy takes without a warning', { skip }, async (t) => {
  const done = await checkGenerated({ files: 1000, mostMs: MOST_MS });
  t.ok(done >= TOGETHER, `${done} files`);
});

t.test('no two lines share a port of a source towards one destination', (t) => {
  fc.assert(
    fc.property(haproxyFile(0), (file) => {
      const { lines, checks } = haproxyLines(planOf(load(stringify(file))));
      const users = [...lines, ...checks.filter(({ run }) => run !== undefined)];
      const runs = users
        .map(({ server, run }) => ({ place: `${run!.address} ${server.id}`, first: run!.first, last: run!.last }))
        .sort((a, b) => a.place.localeCompare(b.place) || a.first - b.first);
      runs.forEach((run, i) => {
        const before = runs[i - 1];
        if (before?.place === run.place && before.last >= run.first) throw new Error(`${run.place} is taken twice`);
      });
      for (const { run, most, idle } of lines) {
        if (most < 1 || most + idle > run.last - run.first + 1) throw new Error('more connections than ports');
      }
    }),
    { numRuns: 100 },
  );
  t.end();
});

t.test('ten sources are one line of the file', (t) => {
  const { text } = haproxyConfig(
    planOf(
      load(`
sources: [{ name: wide, addresses: [10.0.0.20-10.0.0.29] }]
listeners: [{ name: web, bind: ":80", engine: haproxy, routes: [{ backend: app }] }]
backends: [{ name: app, health: { path: /healthz }, servers: [{ address: 10.0.1.5:9001 }, { address: 10.0.1.6:9001 }] }]
`),
    ),
  );
  const lines = text.split('\n').filter((line) => line.startsWith('  server '));
  t.equal(lines.filter((line) => line.includes(' track ')).length, 20);
  t.equal(lines.filter((line) => line.includes(' check ')).length, 2, 'one check for each server');
  t.end();
});

t.test('what is in a word stays in it', (t) => {
  for (const [text, word] of [
    ['a.example', 'a.example'],
    ['', '""'],
    ['a b', '"a b"'],
    ['"; $x \\ #', '"\\"; \\$x \\\\ #"'],
    ['a\nserver x 1.2.3.4:5', '"a\\x0aserver x 1.2.3.4:5"'],
  ] as const) {
    t.equal(quote(text), word);
  }
  t.throws(() => quote('a\0b'), RangeError);
  t.end();
});

t.test('every shipped example passes', { skip }, async (t) => {
  const directory = new URL('../../../../config/', import.meta.url);
  for (const file of readdirSync(directory).filter(
    (name) => name.endsWith('.yaml') && name !== 'prometheus-rules.yaml',
  )) {
    const text = readFileSync(new URL(file, directory), 'utf8');
    // As an operator would: the engine of each listener is changed, and what HAProxy cannot do taken out.
    const changed = text.replace(/^( +)bind: .*$/m, '$&\n$1engine: haproxy').replace(/^ +pipelining: .*$/m, '');
    const loaded = loadConfig(changed, { file, directory: '/', cpuCount: 2 });
    t.ok(loaded.ok, file);
    if (loaded.ok) t.equal(await complaints(haproxyConfig(planOf(loaded.config)).text), '', file);
  }
});
