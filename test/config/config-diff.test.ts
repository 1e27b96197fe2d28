import fc from 'fast-check';
import t from 'tap';
import type { Config } from '../../config/config.ts';
import { applyDiff, diffConfigs, isEmptyDiff } from '../../config/config-diff.ts';
import { keepUnchanged } from '../../config/keep-unchanged.ts';
import { loadConfig } from '../../config/load.ts';
import { effectiveConfig } from '../../config/restart-keys.ts';

function load(text: string): Config {
  const loaded = loadConfig(text, { file: 'test', directory: '/', cpuCount: 1 });
  if (!loaded.ok) throw new Error(loaded.faults[0]!.message);
  return loaded.config;
}

const pool = fc.record({
  name: fc.constantFrom('one', 'two', 'three'),
  octet: fc.integer({ min: 1, max: 200 }),
  strategy: fc.constantFrom('most-free', 'round-robin'),
});
const listener = fc.record({
  name: fc.constantFrom('web', 'api', 'raw', 'old'),
  engine: fc.constantFrom('http', 'tcp'),
  idle: fc.integer({ min: 1, max: 99 }),
});
const backend = fc.record({
  name: fc.constantFrom('app', 'b', 'c', 'd'),
  ports: fc.uniqueArray(fc.integer({ min: 1, max: 65535 }), { minLength: 1, maxLength: 4 }),
  retries: fc.integer({ min: 0, max: 3 }),
});
const byName = { selector: ({ name }: { readonly name: string }) => name, minLength: 1, maxLength: 4 };

/** Valid configs that have much in common. */
const config = fc
  .record({
    pools: fc.uniqueArray(pool, byName),
    listeners: fc.uniqueArray(listener, byName),
    backends: fc.uniqueArray(backend, byName),
    planes: fc.integer({ min: 1, max: 4 }),
    token: fc.boolean(),
  })
  .map(({ pools, listeners, backends, planes, token }) =>
    load(
      JSON.stringify({
        planes,
        admin: { listen: '127.0.0.1:9797', ...(token ? { token_file: '/token' } : {}) },
        sources: pools.map(({ octet, name, strategy }, i) => ({
          name,
          addresses: [`127.${i + 1}.1.${octet}`],
          strategy,
        })),
        listeners: listeners.map(({ name, engine, idle }, i) => ({
          name,
          engine,
          bind: `127.0.0.1:${8000 + i}`,
          backend: backends[0]!.name,
          timeouts: { idle: `${idle}s` },
        })),
        backends: backends.map(({ name, ports, retries }) => ({
          name,
          retries,
          servers: ports.map((port) => ({ address: `127.0.0.1:${port}` })),
        })),
      }),
    ),
  );

t.test('a difference leads from the one config to the other', async (t) => {
  fc.assert(
    fc.property(config, config, (before, after) => {
      const diff = diffConfigs(before, after);
      t.strictSame(applyDiff(before, diff), after);
      t.ok(isEmptyDiff(diffConfigs(after, applyDiff(before, diff))));
      t.equal(
        isEmptyDiff(diff),
        JSON.stringify(before) === JSON.stringify(applyDiff(before, diff)) || isOrder(before, after),
      );
    }),
    { numRuns: 60 },
  );
});

/** Nothing but the order is different. */
function isOrder(before: Config, after: Config): boolean {
  const sorted = (value: Config) =>
    [value.sources, value.listeners, value.backends].map((list) =>
      [...list].sort((a, b) => a.name.localeCompare(b.name)),
    );
  return JSON.stringify(sorted(before)) === JSON.stringify(sorted(after));
}

t.test('what says the same is the same object afterwards', async (t) => {
  fc.assert(
    fc.property(config, config, (before, after) => {
      const kept = keepUnchanged(before, after);
      t.strictSame(kept, after);
      const { changed, added } = diffConfigs(before, after).backends;
      const isNew = (name: string): boolean =>
        [...changed.map((each) => each.after), ...added].some((each) => each.name === name);
      for (const item of kept.backends) t.equal(before.backends.includes(item), !isNew(item.name));
    }),
    { numRuns: 60 },
  );
  const one = load(
    '{listeners: [{name: web, bind: ":80", backend: a}], backends: [{name: a, servers: [{address: "1.2.3.4:5"}]}]}',
  );
  const same = keepUnchanged(one, structuredClone(one));
  t.equal(same.backends, one.backends, 'and so is a list of such');
  t.equal(same.sources, one.sources);
});

const base = `
sources: [{ name: wide, addresses: [10.0.0.1], claim: true, interface: eth0, ports: 1024-65535 }]
listeners: [{ name: web, bind: ":8080", backend: app }]
backends: [{ name: app, servers: [{ address: "10.0.1.1:80" }] }]
admin: { listen: "127.0.0.1:9797" }
`;

for (const [what, from, to, keys] of [
  ['the admin address', '127.0.0.1:9797', '127.0.0.1:9798', ['admin.listen']],
  ['the range of a pool', '1024-65535', '2048-65535', ['sources.wide.ports']],
  ['how a pool is claimed', 'claim: true', 'claim: false', ['sources.wide.claim']],
  ['the addresses of a pool', '[10.0.0.1]', '[10.0.0.1, 10.0.0.2]', []],
  ['a pool of another name', 'name: wide', 'name: other', []],
  ['a listener', '":8080"', '":8081"', []],
] as const) {
  t.test(`a restart, for ${what}: ${keys.length > 0 ? 'needed' : 'no need'}`, async (t) => {
    const before = load(base);
    const after = load(base.replace(from, to));
    const { config: effective, needsRestart } = effectiveConfig(before, after);
    t.strictSame(needsRestart, keys);
    t.strictSame(isEmptyDiff(diffConfigs(before, effective)), keys.length > 0, 'the rest comes into force');
  });
}
