import t from 'tap';
import { formatFault } from '../../config/fault.ts';
import { loadConfig } from '../../config/load.ts';

const context = { file: 'f', directory: '/', cpuCount: 1 };

const load = (route: string, listener = '') =>
  loadConfig(
    `listeners: [{ name: web, bind: "127.0.0.1:0", ${listener} routes: [${route}] }]
backends: [{ name: app, servers: [{ address: "127.0.0.1:1" }] }, { name: b, servers: [{ address: "127.0.0.1:2" }] }]
`,
    context,
  );

const faults = (route: string, listener = ''): string[] => {
  const result = load(route, listener);
  return result.ok ? [] : result.faults.map((fault) => formatFault(fault).replace(/^f:\d+:\d+: /, ''));
};

t.test('routes as they are used', async (t) => {
  const result = load(
    `{ host: "A.example:8080", path: { regex: "^/x" }, methods: [GET], headers: [{ name: X-A }, { name: b, present: false }],
       query: [{ name: q, prefix: v }], split: [{ backend: app, weight: 9 }, { backend: b, weight: 1 }],
       rewrite: { path: "/y" }, request_headers: { remove: [X-B], set: { X-C: 1 }, add: { X-D: "a{host}b" } }, mirror: { backend: b, percent: 5 } },
     { redirect: { scheme: https } }`,
    'trusted_proxies: [10.0.0.0/8, "::1"], forwarded: both, via: true, request_id: X-Id, request_headers: { set: { x-c: 2, X-E: 3 } },',
  );
  if (!result.ok) return t.fail(result.faults.map(formatFault).join('\n'));
  const [listener] = result.config.listeners;
  t.same(listener!.routes[0], {
    host: 'a.example:8080',
    path: { regex: '^/x' },
    methods: ['GET'],
    headers: [
      { name: 'x-a', is: 'present' },
      { name: 'b', is: 'absent' },
    ],
    query: [{ name: 'q', prefix: 'v' }],
    split: [
      { backend: 'app', weight: 9 },
      { backend: 'b', weight: 1 },
    ],
    rewrite: { change: { path: '/y' } },
    requestHeaders: {
      remove: ['x-b'],
      set: [
        { name: 'X-E', value: ['3'] },
        { name: 'X-C', value: ['1'] },
      ],
      add: [{ name: 'X-D', value: ['a', { variable: 'host' }, 'b'] }],
    },
    mirror: { backend: 'b', percent: 5 },
  });
  t.match(listener!.routes[1], { redirect: { scheme: 'https', keepsQuery: true, status: 308 } });
  t.same(listener!.forwarding, {
    trusted: [
      { address: '10.0.0.0', prefix: 8 },
      { address: '::1', prefix: 128 },
    ],
    style: 'both',
    via: true,
    requestId: 'X-Id',
  });
  t.same(result.warnings, [], 'a share is a use of a backend');
});

t.test('faults of routes say what to do', async (t) => {
  const at = 'listeners[0].routes[0]';
  const cases: [string, RegExp][] = [
    ['{ host: a.example }', /needs one of "backend", "split", "redirect" or "answer"/],
    ['{ backend: app, answer: {} }', /needs one of/],
    ['{ host: "http://a", backend: app }', /"http:\/\/a" is a URL; write the host alone/],
    ['{ host: "a.*.example", backend: app }', /is not a host; write a name such as a\.example, \*\.example\.com/],
    ['{ host: "a:b", backend: app }', /is not a host/],
    ['{ host: "a:0", backend: app }', /is not a host/],
    ['{ host: "a..b", backend: app }', /is not a host/],
    ['{ path: { regex: "(a" }, backend: app }', /"\(a" is not a pattern of RE2 .*missing closing/],
    ['{ path: { regex: "(a)\\\\1" }, backend: app }', /is not a pattern of RE2/],
    ['{ path: { exact: x }, backend: app }', /path is a mapping, which does not fit: Prefix/],
    ['{ headers: [{ name: "a b" }], backend: app }', /"a b" is not the name of a header field/],
    ['{ headers: [{ name: a, exact: x, prefix: y }], backend: app }', /has "exact" and "prefix"; give one of them/],
    ['{ query: [{ name: a, regex: "[" }], backend: app }', /is not a pattern of RE2/],
    ['{ split: [{ backend: app, weight: 0 }] }', /gives no backend a weight above 0/],
    ['{ split: [{ backend: ap, weight: 1 }] }', /there is no backend "ap"; did you mean "app"\?/],
    ['{ backend: app, mirror: { backend: c } }', /there is no backend "c"/],
    ['{ backend: app, upgrades: [tcp, H2C] }', /after a switch to "H2C" a client could ask for what no route allows/],
    ['{ redirect: { scheme: https }, upgrades: [tcp] }', /nothing goes to a server on this route; remove "upgrades"/],
    ['{ answer: {}, rewrite: { path: /x } }', /nothing goes to a server on this route; remove "rewrite"/],
    ['{ redirect: { status: 301 } }', /a redirect to the same place never ends/],
    ['{ redirect: { host: "*.a" } }', /"\*\.a" is not a host; write a name such as a\.example, an IP address/],
    ['{ redirect: { host: a, status: 300 } }', /status is 300, which does not fit/],
    ['{ backend: app, rewrite: { path: /a, prefix: /b } }', /has both "path" and "prefix"/],
    ['{ path: { exact: /a }, backend: app, rewrite: { prefix: /b } }', /there is no prefix to replace/],
    [
      '{ path: /a, backend: app, rewrite: { path: "/$1" } }',
      /takes groups of a pattern; give the route a "path: \{ regex/,
    ],
    ['{ path: { regex: a }, backend: app, rewrite: { path: "/$x" } }', /has a "\$" that is not \$1 to \$9/],
    ['{ backend: app, rewrite: { path: "/a?b" } }', /is more than a path/],
    ['{ backend: app, rewrite: { path: "/a b" } }', /percent-encode/],
    ['{ backend: app, rewrite: { host: "a b" } }', /"a b" is not a host/],
    ['{ backend: app, request_headers: { set: { "A B": x } } }', /"A B" is not the name of a header field/],
    ['{ backend: app, request_headers: { remove: [Content-Length] } }', /delimits messages or connections/],
    ['{ backend: app, request_headers: { set: { Host: x } } }', /the host is changed by "rewrite: \{ host: … \}"/],
    [
      '{ backend: app, response_headers: { add: { X: "a\\nb" } } }',
      /the value of "X" holds what is not printable ASCII/,
    ],
    [
      '{ backend: app, response_headers: { add: { X: "{path}" } } }',
      /there is no \{path\} in response_headers; there are/,
    ],
    ['{ backend: app, request_headers: { add: { X: "{hots}" } } }', /there is no \{hots\} .*; did you mean "host"\?/],
  ];
  for (const [route, expected] of cases) {
    const found = faults(route);
    t.ok(found.length > 0 && found.some((fault) => expected.test(fault)), `${route}\n${found.join('\n')}`);
    t.ok(found.length <= 2, `${found.length} faults for ${at}`);
  }
  t.match(faults('{ backend: app }', 'trusted_proxies: [10.0.0.0/33, x],'), [
    /"10\.0\.0\.0\/33" is neither an IP address nor a block/,
    /"x" is neither/,
  ]);
  t.match(faults('{ backend: app }', 'request_headers: { remove: ["a b"] },'), [/"a b" is not the name/]);
});

t.test('braces around anything but a name are text', async (t) => {
  const value = '{"group": "default", "max_age": 1}{ host }{Host}';
  const result = load(`{ backend: app, response_headers: { set: { Report-To: '${value}' } } }`);
  t.same(result.ok && result.config.listeners[0]!.routes[0]!.responseHeaders!.set[0]!.value, [value]);
});

t.test('access logs', async (t) => {
  const log = (text: string) => {
    const result = load('{ backend: app }', `access_log: ${text},`);
    return result.ok ? result.config.listeners[0]!.accessLog : result.faults.map(formatFault);
  };
  t.same(log('{ file: logs/a.log }'), { file: '/logs/a.log', format: 'json', sample: 1, bufferBytes: 1 << 20 });
  t.same(log('{ file: stdout, format: combined, sample: 0.1, buffer: 2MiB }'), {
    file: 'stdout',
    format: 'combined',
    sample: 0.1,
    bufferBytes: 2 << 20,
  });
  t.match(log('{ file: a, format: jsn }'), [/did you mean "json"\?/]);
  t.match(log('{ file: a, buffer: 1KiB }'), [/buffer is "1KiB", which is not a size from 128KiB to 1GiB/]);
  t.match(log('{ file: a, sample: 2 }'), [/sample is 2, which does not fit/]);
  t.match(log('{}'), [/has no "file"/]);
  t.match(faults('{ backend: app }', 'engine: tcp, via: true,').join('\n'), /"via" is for the http engine; remove it/);
});
