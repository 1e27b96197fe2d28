import t from 'tap';
import { loadConfig } from '../../config/load.ts';

const faults = (text: string): string[] => {
  const result = loadConfig(text, { file: 'portico.yaml', directory: '/', cpuCount: 2 });
  return result.ok ? [] : result.faults.map(({ line, column, message }) => `${line}:${column}: ${message}`);
};
const file = (listener: string, backend = '', more = ''): string => `listeners:
  - { name: web, bind: ":80", engine: haproxy, ${listener} }
${more}backends:
  - { name: app, ${backend}servers: [{ address: 127.0.0.1:9001 }] }
`;
const ROUTES = 'routes: [{ backend: app }]';

t.test('what HAProxy cannot do is refused at its place, with what to do instead', (t) => {
  const cases: readonly (readonly [string, readonly string[]])[] = [
    [file(ROUTES), []],
    [file('backend: app'), []],
    [file('mode: tcp, routes: [{ host: a.example, backend: app }]'), []],
    [
      file('mode: tcp, routes: [{ path: /x, backend: app }]'),
      [
        '2:76: such a listener routes by the name that a TLS client asks for and sees no requests; remove "path" or set "mode: http"',
      ],
    ],
    [file(`${ROUTES}, access_log: { file: stdout }`), ['2:88: "access_log" is for the http engine; remove it']],
    [
      file(`${ROUTES}, limits: { websocket_message_size: 1MiB }`),
      ['2:110: HAProxy does not look into WebSockets; remove it'],
    ],
    [
      file(ROUTES, 'pipelining: 16, '),
      ['4:30: HAProxy does not pipeline requests; remove "pipelining" or use "engine: http"'],
    ],
    [
      file(ROUTES, 'balance: peak-ewma, '),
      ['4:27: HAProxy does not balance by response times; use least-connections or random-two'],
    ],
    [
      file('backend: app', 'sticky: { cookie: id }, '),
      ['4:26: a listener of HAProxy in tcp mode leads to this backend, and sees no requests; remove "sticky"'],
    ],
    [
      file(ROUTES, 'retry: { status: "429" }, '),
      ['4:35: HAProxy does not retry for 429; it knows 401, 403, 404, 408, 425, 500, 501, 502, 503, 504'],
    ],
    [
      file(ROUTES, 'hedge: { after: p95 }, '),
      ['4:25: HAProxy asks one server at a time; remove "hedge" or use "engine: http"'],
    ],
    [
      file('routes: [{ backend: app, upgrades: [tcp] }]'),
      ['2:83: HAProxy lets every protocol pass; remove "upgrades" or use "engine: http"'],
    ],
    [
      file('routes: [{ backend: app, mirror: { backend: app } }]'),
      ['2:81: HAProxy sends no copies of requests; remove "mirror" or use "engine: http"'],
    ],
    [
      file('routes: [{ answer: { body: "a\\0b" } }, { backend: app }]'),
      ['2:75: a NUL cannot stand in the configuration of HAProxy'],
    ],
    [
      file(
        ROUTES,
        '',
        '  - { name: b, bind: ":81", engine: haproxy, routes: [{ backend: app }], limits: { header_size: 8KiB } }\n',
      ),
      ['3:97: HAProxy has one header_size for all of its listeners, and "web" has another; make them equal'],
    ],
    [file(ROUTES).replace(':80', ':0'), ['2:24: HAProxy needs a port; give one that is not 0']],
  ];
  for (const [text, expected] of cases) t.same(faults(text), expected);
  t.end();
});

t.test('"mode" is for HAProxy', (t) => {
  t.match(faults(file(`${ROUTES}, mode: http`).replace('engine: haproxy', 'engine: http')), [
    /"mode" is for the haproxy/,
  ]);
  t.end();
});
