import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import t from 'tap';
import { defaultConfigPath } from '../../config/default-config.ts';
import { formatFault } from '../../config/fault.ts';
import { loadConfig } from '../../config/load.ts';
import { configReference } from '../../config/reference.ts';

const context = { file: 'portico.yaml', directory: '/etc/portico', cpuCount: 3 };

const GOOD = `
listeners:
  - name: web
    bind: :8080
    routes:
      - { host: A.example, path: /api/, backend: api }
      - { backend: app }
backends:
  - name: app
    balance: hash
    hash: { cookie: sid }
    servers: [{ address: "127.0.0.1:9001", weight: 3 }, { address: "127.0.0.1:9002" }]
  - name: api
    workers: { module: ./api.js }
    health: { path: /ok, interval: 500ms }
`;

const faults = (text: string): string[] => {
  const result = loadConfig(text, context);
  return result.ok ? [] : result.faults.map(formatFault);
};

t.test('a small file gets every default', async (t) => {
  const result = loadConfig(GOOD, context);
  if (!result.ok) return t.fail(result.faults.map(formatFault).join('\n'));
  const { config } = result;
  t.match(config, {
    sources: [
      {
        name: 'default',
        addresses: ['127.0.1.1', '127.0.1.2', '127.0.1.3', '127.0.1.4'],
        ports: { low: 1024, high: 65535 },
      },
    ],
    listeners: [
      {
        host: '0.0.0.0',
        port: 8080,
        engine: 'http',
        routes: [{ host: 'a.example', path: '/api/', backend: 'api' }, { backend: 'app' }],
        limits: { headerBytes: 16_384, bodyBytes: Number.POSITIVE_INFINITY, webSocketMessageBytes: 16 << 20 },
      },
    ],
    backends: [
      {
        balance: 'hash',
        hash: { by: 'cookie', name: 'sid' },
        source: 'default',
        pipelining: 1,
        servers: [
          { host: '127.0.0.1', port: 9001, weight: 3 },
          { host: '127.0.0.1', port: 9002, weight: 1 },
        ],
      },
      {
        balance: 'least-connections',
        workers: { module: '/etc/portico/api.js', count: 3 },
        health: {
          http: { method: 'GET', path: '/ok', statuses: [[200, 399]] },
          intervalMs: 500,
          fastIntervalMs: 500,
          jitterPercent: 10,
          timeoutMs: 1000,
          rise: 2,
          fall: 3,
        },
        slowStartMs: 0,
      },
    ],
    admin: { listen: { host: '127.0.0.1', port: 9797 } },
    planes: 3,
  });
  t.throws(() => {
    (config.backends as unknown[]).push(1);
  }, 'it is frozen');
});

t.test('the shipped example is valid', async (t) => {
  t.same(faults(readFileSync(defaultConfigPath(), 'utf8')), []);
});

t.test('every fault has its place, and says what to write', async (t) => {
  const change = (from: string, to: string): string => {
    t.ok(GOOD.includes(from), from);
    return GOOD.replace(from, to);
  };
  const cases: [string, string[]][] = [
    [
      change('    balance: hash', '    balanse: hash'),
      ['portico.yaml:10:5: unknown key "balanse" in backends[0]; did you mean "balance"?'],
    ],
    [
      change('balance: hash', 'balance: hush'),
      [
        'portico.yaml:10:14: backends[0].balance is "hush", which does not fit: Which server a request goes to; round-robin, least-connections, random-two, peak-ewma, hash, maglev; did you mean "hash"?',
      ],
    ],
    [change('backend: app }', 'backend: ap }'), ['portico.yaml:7:20: there is no backend "ap"; did you mean "app"?']],
    [
      change('name: api', 'name: app'),
      [
        'portico.yaml:6:50: there is no backend "api"; did you mean "app"?',
        'portico.yaml:13:11: "app" is the name of backends[0] as well; names must differ',
      ],
    ],
    [
      change('bind: :8080', 'bind: 1.2.3:80'),
      ['portico.yaml:4:11: "1.2.3:80" is not an address and port such as 10.0.0.5:8080 or [::1]:8080'],
    ],
    [change('bind: :8080', 'bind: 127.0.0.1:9797'), ['portico.yaml:2:1: 127.0.0.1:9797 is taken by listener "web"']],
    [
      change('interval: 500ms', 'interval: 500'),
      [
        'portico.yaml:15:36: backends[1].health.interval is 500, which does not fit: From one check to the next; a duration such as 250ms, 5s, 2m',
      ],
    ],
    [
      change('    workers: { module: ./api.js }\n', ''),
      ['portico.yaml:13:5: backends[1] needs either "servers" or "workers"'],
    ],
    [
      change('weight: 3', 'weight: -1'),
      [
        'portico.yaml:12:52: backends[0].servers[0].weight is -1, which does not fit: Share of the requests; with a name, of each of its servers; 0 to 256',
      ],
    ],
    [
      change('127.0.0.1:9001', '127.0.0.1'),
      [
        'portico.yaml:12:26: "127.0.0.1" is not an address or name with a port, such as 10.0.0.5:8080, [::1]:8080 or app.internal:8080',
      ],
    ],
    [
      change('bind: :8080', 'bind: :8080\n    mode: tcp'),
      ['portico.yaml:5:11: "mode" is for the haproxy engine; remove it'],
    ],
    [
      `${GOOD}sources: [{ name: s, addresses: [10.0.0.300, 10.0.0.0/8], ports: 9-8 }]\n`,
      [
        'portico.yaml:16:34: "10.0.0.300" is not an IP address, a range (a-b) or a block (a/n)',
        'portico.yaml:16:46: "10.0.0.0/8" is more than 4096 addresses',
        'portico.yaml:16:66: "9-8" is not a range within 1-65535',
      ],
    ],
    [
      `${GOOD}sources: [{ name: s, addresses: [127.0.1.1], ports: 2000-2100 }]\n`,
      [
        'portico.yaml:16:11: 2 blocks of 128 ports are too few for 3 planes and the health checks; widen "ports", add addresses or set planes to 1',
      ],
    ],
    [
      `${GOOD}sources: [{ name: s, addresses: [10.0.0.0/20], claim: true }]\n`,
      [
        'portico.yaml:16:33: 4094 addresses are more than the 256 that may be claimed; if you mean it, set "claim_limit" to 4094',
      ],
    ],
    [
      `${GOOD}sources: [{ name: s, addresses: [127.0.1.1] }, { name: t, addresses: [127.0.1.1-127.0.1.9] }]\n`,
      [
        'portico.yaml:16:70: 127.0.1.1 is in pool "s" with the same ports as well; give the pools different addresses or "ports"',
      ],
    ],
    [
      `${GOOD}sources: [{ name: s, addresses: [10.0.0.1], ports: 2000-2999 }, { name: t, addresses: [10.0.0.1], ports: 3000-3999, claim: true }]\n`,
      ['portico.yaml:16:87: 10.0.0.1 is in pool "s" as well; an address that is claimed can be in one pool only'],
    ],
    [
      change('127.0.0.1:9001', '10.0.0.256:80'),
      ['portico.yaml:12:26: "10.0.0.256:80" is not an address or name with a port'],
    ],
    [change('127.0.0.1:9001', 'app.internal:0'), ['portico.yaml:12:26: "app.internal:0" has no port to connect to']],
    [
      `${GOOD}resolver: { nameservers: [dns.example, "10.0.0.2:0"], min_ttl: 2s, max_ttl: 1s }\n`,
      [
        'portico.yaml:16:27: "dns.example" is not an address such as 10.0.0.2, 10.0.0.2:5353 or [::1]:53',
        'portico.yaml:16:40: "10.0.0.2:0" is not an address',
        'portico.yaml:16:64: "min_ttl" is longer than "max_ttl"; exchange them',
      ],
    ],
    [
      'listeners: []\nbackends: x',
      ['portico.yaml:1:12: listeners must not be empty', 'portico.yaml:2:11: backends must be array'],
    ],
    ['listeners: 1\nlisteners: 2', ['portico.yaml:2:1: the key is there twice']],
    ['a: [', ['portico.yaml:1:5: Flow sequence in block collection must be sufficiently indented and end with a ]']],
    ['', ['portico.yaml:1:1: the file must be a mapping with "listeners" and "backends"']],
  ];
  for (const [text, expected] of cases) {
    const found = faults(text);
    for (const [i, line] of expected.entries())
      t.ok(found[i]?.startsWith(line.replace('backends must be array', 'backends')), `${line}\n  got ${found[i]}`);
    t.equal(found.length, expected.length);
  }
});

t.test('no text makes it throw', async () => {
  const lines = GOOD.split('\n');
  fc.assert(
    fc.property(fc.string(), (text) => {
      faults(text);
    }),
  );
  fc.assert(
    fc.property(fc.nat(lines.length - 1), fc.string(), fc.nat(60), (index, text, at) => {
      faults(lines.map((line, i) => (i === index ? line.slice(0, at) + text + line.slice(at) : line)).join('\n'));
    }),
    { numRuns: 400 },
  );
});

t.test('config/REFERENCE.md is what the schema says', async (t) => {
  const checkedIn = readFileSync(new URL('../../../config/REFERENCE.md', import.meta.url), 'utf8');
  t.equal(checkedIn, configReference(), 'run `npm run reference`');
});
