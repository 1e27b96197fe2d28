import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';

const root = fileURLToPath(new URL('../../', import.meta.url));
/** Each may import from itself and from those before it. */
const LAYERS = ['config', 'lb', 'admin', 'src'];
const MAX_LINES = 400;

const files = LAYERS.flatMap((layer) =>
  (readdirSync(join(root, layer), { recursive: true }) as string[])
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts'))
    .map((name) => join(layer, name)),
);
const texts = new Map(files.map((file) => [file, readFileSync(join(root, file), 'utf8')]));

function importsOf(file: string): string[] {
  const text = texts.get(file)!;
  return [...text.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map((match) => match[1]!);
}

const local = new Map(
  files.map((file) => [
    file,
    importsOf(file)
      .filter((name) => name.startsWith('.'))
      .map((name) => normalize(join(dirname(file), name))),
  ]),
);

t.test('imports run config ← lb ← admin ← src', async (t) => {
  t.ok(files.length > 50, `${files.length} files`);
  for (const [file, imports] of local) {
    const layer = LAYERS.indexOf(file.split('/')[0]!);
    for (const name of imports) {
      const target = LAYERS.indexOf(name.split('/')[0]!);
      t.ok(target >= 0 && target <= layer, `${file} imports ${name}`);
    }
  }
});

t.test('the balancer knows nothing of Fastify', async (t) => {
  for (const file of files) {
    if (file.startsWith('admin/')) continue;
    t.notOk(
      importsOf(file).some((name) => /fastify|prom-client/.test(name)),
      file,
    );
  }
});

t.test('the pages of the admin server know the API and nothing else of Portico', async (t) => {
  const own = (readdirSync(join(root, 'admin/ui'), { recursive: true }) as string[]).filter((name) =>
    /\.tsx?$/.test(name),
  );
  t.ok(own.length > 10, `${own.length} files`);
  for (const name of own) {
    const file = join('admin/ui', name);
    const text = readFileSync(join(root, file), 'utf8');
    t.ok(text.trimEnd().split('\n').length <= MAX_LINES, `${file} is short`);
    for (const [, imported] of text.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)) {
      t.match(normalize(join(dirname(file), imported!)), /^admin\/ui\//, `${file} imports ${imported}`);
    }
  }
});

t.test('no import cycles', async (t) => {
  // Types vanish when compiled, so only imports of values can run in a circle.
  const values = new Map(
    files.map((file) => {
      const text = texts.get(file)!.replace(/import type [^;]+;/g, '');
      const names = [...text.matchAll(/from '(\.[^']+)'/g)].map((match) => normalize(join(dirname(file), match[1]!)));
      return [file, names];
    }),
  );
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]): void => {
    if (path.includes(file)) {
      t.fail(`cycle: ${[...path.slice(path.indexOf(file)), file].join(' → ')}`);
      return;
    }
    if (done.has(file)) return;
    for (const name of values.get(file) ?? []) visit(name, [...path, file]);
    done.add(file);
  };
  for (const file of files) visit(file, []);
  t.equal(done.size, files.length);
});

t.test('files stay short', async (t) => {
  for (const [file, text] of texts) t.ok(text.trimEnd().split('\n').length <= MAX_LINES, file);
});

t.test('time and chance are passed in', async (t) => {
  // Where the program is put together, or where there is nothing but a process of its own.
  const allowed = new Set(['lb/clock.ts', 'lb/plane-main.ts', 'src/start-portico.ts']);
  for (const [file, text] of texts) {
    if (allowed.has(file) || file.startsWith('admin/ui/')) continue;
    const code = text.replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '');
    t.notMatch(code, /\bDate\.now|new Date\(\)|\bMath\.random|\bset(?:Timeout|Interval)\(|\bperformance\.now/, file);
  }
});
