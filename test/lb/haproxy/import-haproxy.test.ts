import fc from 'fast-check';
import t from 'tap';
import { stringify } from 'yaml';
import type { Config } from '../../../config/config.ts';
import { exportPlan } from '../../../lb/haproxy/export-plan.ts';
import { haproxyConfig } from '../../../lb/haproxy/haproxy-config.ts';
import { importHaproxy } from '../../../lb/haproxy/import/import-haproxy.ts';
import { load } from '../../fixtures/haproxy.ts';
import { haproxyFile } from '../../fixtures/haproxy-arbitrary.ts';

const imported = (text: string) =>
  importHaproxy(text, {
    ownAddresses: ['10.9.9.9'],
    read: () => {
      throw new Error('there is no such file');
    },
  });

const CFG = `global
  maxconn 5000
  daemon
defaults
  mode http
  timeout connect 5s
  timeout client 30s
  timeout server 50000
  option httplog
  option forwardfor
frontend www
  bind *:80
  bind :443 ssl crt /etc/ssl/a.pem alpn h2,http/1.1
  acl is_api path_beg /api/
  acl api_host hdr(host) -i api.example.com
  acl bad src 1.2.3.4
  http-request redirect scheme https code 301 if !{ ssl_fc }
  use_backend api if is_api or api_host
  use_backend bad if bad
  default_backend app
backend app
  balance leastconn
  option httpchk GET /healthz
  cookie id insert indirect nocache
  server s1 10.0.0.1:80 check weight 2 source 10.1.0.1:2000-3000 cookie a
  server s1b 10.0.0.1:80 check weight 2 source 10.1.0.2:2000-3000 cookie b
  server s2 10.0.0.2:80 check inter 3s backup cookie c
backend api
  server s1 10.0.0.3:80 ssl verify none
  server s2 "\${NAME}":80
listen mq
  mode tcp
  bind 10.0.0.9:1883 accept-proxy
  server m 10.0.0.5:1883 send-proxy
peers p
  peer a 10.0.0.1:1
`;

t.test('what is common is taken over, and every other line is named', (t) => {
  const { text, leftOut } = imported(CFG);
  const { listeners, backends, sources } = load(text!);
  t.same(
    listeners.map(({ name, host, port, mode }) => [name, host, port, mode]),
    [
      ['www', '0.0.0.0', 80, 'http'],
      ['www-2', '0.0.0.0', 443, 'http'],
      ['mq', '10.0.0.9', 1883, 'tcp'],
    ],
  );
  t.match(listeners[0]!.routes, [
    { scheme: 'http', redirect: { scheme: 'https', status: 301 } },
    { path: '/api/', backend: 'api' },
    { host: 'api.example.com', backend: 'api' },
    { backend: 'app' },
  ]);
  t.match(listeners[1]!.tls, { certificates: [{ cert: '/etc/ssl/a.pem', key: '/etc/ssl/a.pem' }] });
  t.match(listeners[0], { limits: { connections: 5000 }, timeouts: { idleMs: 30_000 } });
  t.match(backends, [
    {
      name: 'app',
      balance: 'least-connections',
      sticky: { by: 'cookie', name: 'id' },
      health: { http: { path: '/healthz', method: 'GET' }, intervalMs: 2000 },
      servers: [
        { host: '10.0.0.1', port: 80, weight: 4 },
        { host: '10.0.0.2', port: 80, weight: 1, backup: true },
      ],
    },
    { name: 'api', tls: { isVerified: false }, servers: [{ host: '10.0.0.3' }] },
    { name: 'mq', proxyProtocol: 'v1' },
  ]);
  t.match(sources, [
    { addresses: ['10.1.0.1', '10.1.0.2'], ports: { low: 2000, high: 3000 } },
    { addresses: ['10.9.9.9'] },
  ]);
  t.same(
    leftOut.map(({ line, isHarmless }) => [line, isHarmless]),
    [
      [3, true],
      [9, true],
      [16, false],
      [19, false],
      [30, false],
      [33, false],
      [35, false],
      [36, false],
    ],
  );
  t.end();
});

/** What of a config an export keeps, and an import can find again. */
function meaning({ listeners, backends, sources }: Config) {
  return {
    listeners: listeners.map(({ host, port, mode, routes, timeouts, tcp, limits }) => ({
      place: `${host} ${port} ${mode}`,
      times: mode === 'http' ? [timeouts.idleMs, timeouts.headerMs] : [tcp.idleMs],
      connections: limits.connections,
      routes: routes.map(({ host, path, methods, scheme, backend }) => ({ host, path, methods, scheme, backend })),
    })),
    backends: backends.map(({ name, balance, retries, timeouts, health, servers, proxyProtocol, tls }) => ({
      name,
      balance,
      // Several lines of a server are given more.
      retries: balance === 'round-robin' ? undefined : retries,
      times: [timeouts.connectMs],
      proxyProtocol,
      isTls: tls !== undefined,
      health: health && [health.intervalMs, health.timeoutMs, health.rise, health.fall, health.http?.path],
      servers: servers.map(({ host, port, backup }) => ({ host, port, backup })),
    })),
    sources: sources.map(({ addresses, ports }) => [[...addresses].sort(), ports.low, ports.high]),
  };
}

const time = fc.integer({ min: 1, max: 100_000 }).map((ms) => `${ms}ms`);
const backend = (name: string, places: readonly string[]) =>
  fc.record(
    {
      name: fc.constant(name),
      balance: fc.constantFrom('round-robin', 'least-connections', 'random-two', 'hash'),
      retries: fc.integer({ min: 0, max: 10 }),
      timeouts: fc.record({ connect: time }),
      proxy_protocol: fc.constantFrom('v1', 'v2'),
      tls: fc.constant({ verify: false }),
      health: fc.oneof(
        fc.record({ interval: time, timeout: time, rise: fc.integer({ min: 1, max: 9 }) }),
        fc.record({
          path: fc.constantFrom('/', '/healthz', '/a"b'),
          interval: time,
          fall: fc.integer({ min: 1, max: 9 }),
        }),
      ),
      servers: fc
        .subarray([...places], { minLength: 1 })
        .chain((chosen) =>
          fc.tuple(...chosen.map((address) => fc.record({ address: fc.constant(address), backup: fc.boolean() }))),
        ),
    },
    { requiredKeys: ['name', 'servers', 'balance'] },
  );
const route = fc.record(
  {
    host: fc.constantFrom('a.example', '*.b.example'),
    path: fc.oneof(
      fc.constantFrom('/a/', '/b/c/'),
      fc.constant({ exact: '/x y#' }),
      fc.constant({ regex: '^/(a|b)\\d' }),
    ),
    methods: fc.constantFrom(['GET'], ['PUT', 'POST']),
    scheme: fc.constantFrom('http', 'https'),
    backend: fc.constantFrom('one', 'two'),
  },
  { requiredKeys: ['backend'] },
);
const simple = fc
  .record({
    backends: fc.tuple(
      backend('one', ['10.0.0.1:80', '10.0.0.2:80', '10.0.0.2:81']),
      backend('two', ['10.0.0.3:80', '10.0.0.4:80']),
      backend('raw', ['10.0.0.5:80', '10.0.0.6:80']),
    ),
    routes: fc.array(route, { minLength: 1, maxLength: 4 }),
    timeouts: fc.record({ idle: time, header: time }),
    ports: fc.constantFrom('1024-65535', '20000-20999'),
  })
  .map(({ backends, routes, timeouts, ports }) => ({
    sources: [{ name: 's', addresses: ['10.2.1.1-10.2.1.3'], ports }],
    listeners: [
      { name: 'web', bind: '0.0.0.0:80', engine: 'haproxy', timeouts, routes: [...routes, { backend: 'one' }] },
      { name: 'all', bind: '0.0.0.0:82', engine: 'haproxy', mode: 'http', backend: 'two' },
      { name: 'raw', bind: '[::1]:81', engine: 'haproxy', limits: { connections: 100 }, backend: 'raw' },
    ],
    backends,
  }));

t.test('what is exported and imported again means the same', (t) => {
  fc.assert(
    fc.property(simple, (file) => {
      const before = load(stringify(file));
      const text = `# Written by Portico\n${haproxyConfig(exportPlan(before)).text}`;
      const { text: again, leftOut } = imported(text);
      t.same(leftOut, []);
      t.same(meaning(load(again!)), meaning(before));
    }),
    { numRuns: 12, endOnFailure: true },
  );
  t.end();
});

t.test('whatever is in the file, it is read to its end, and what is printed is a config', (t) => {
  const words = fc.constantFrom(
    ...CFG.split(/\s+/),
    ...[
      '"',
      "'",
      '\\',
      '{',
      '}',
      '!',
      'if',
      'unless',
      '-m',
      '-i',
      '-f',
      '\\x',
      '#',
      '0',
      '-1',
      '99999999999',
      '[::]:0',
      ':',
      '*',
      'é',
      '\0',
      '__proto__',
      'constructor',
      'track',
      'b/s',
    ],
  );
  const line = fc.array(fc.oneof({ weight: 9, arbitrary: words }, fc.string({ maxLength: 8, unit: 'binary' })), {
    maxLength: 9,
  });
  const mutated = fc.array(fc.tuple(fc.nat({ max: 60 }), line), { maxLength: 12 }).map((changes) => {
    const lines = CFG.split('\n');
    for (const [at, change] of changes) lines.splice(at, 1, change.join(' '));
    return lines.join('\n');
  });
  const garbage = fc.oneof(
    mutated,
    fc.array(line, { maxLength: 20 }).map((lines) => lines.map((each) => each.join(' ')).join('\n')),
    haproxyFile(0).map((file) => `# Written by Portico\n${haproxyConfig(exportPlan(load(stringify(file)))).text}`),
  );
  let printed = 0;
  fc.assert(
    fc.property(garbage, (text) => {
      const { text: made, leftOut } = imported(text);
      const lines = text.split('\n').length;
      if (leftOut.some(({ line }) => line < 1 || line > lines)) throw new Error('a line that is not there');
      if (made === undefined) return;
      load(made);
      printed++;
    }),
    { numRuns: 40, endOnFailure: true },
  );
  t.ok(printed > 3, `${printed} configs`);
  t.end();
});

t.test('backends that share out the ports of the same addresses by hand have one pool', (t) => {
  const backend = (name: string, ports: string): string => `frontend f_${name}
  mode tcp
  bind :${name.length}883
  default_backend ${name}
backend ${name}
  mode tcp
  server s1 10.0.0.5:1883 source 10.0.1.1:${ports}
  server s2 10.0.0.5:1883 source 10.0.1.2:${ports}
`;
  const { text, leftOut } = imported(backend('a', '1024-30000') + backend('bb', '20000-60000'));
  t.same(leftOut, []);
  const { sources, backends } = load(text!);
  t.equal(sources.length, 1);
  t.same(
    backends.map(({ source }) => source),
    ['default', 'default'],
  );
  t.match(text, 'ports: 1024-60000');
  t.end();
});
