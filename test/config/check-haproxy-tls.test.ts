import t from 'tap';
import { loadConfig } from '../../config/load.ts';

const faults = (text: string): string[] => {
  const result = loadConfig(text, { file: 'portico.yaml', directory: '/', cpuCount: 2 });
  return result.ok ? [] : result.faults.map(({ line, column, message }) => `${line}:${column}: ${message}`);
};
const file = (tls: string, target = 'routes: [{ backend: app }]', backend = ''): string => `listeners:
  - name: web
    bind: ":443"
    engine: haproxy
    ${target}
    tls: { certificates: [{ cert: a.pem, key: a.key }], ${tls} }
backends:
  - { name: app, ${backend}servers: [{ address: 127.0.0.1:9001 }] }
`;
const TCP = 'backend: app';

t.test('what HAProxy cannot do for TLS is refused at its place, with the reason', (t) => {
  const cases: readonly (readonly [string, readonly string[]])[] = [
    [file('client_auth: { ca: ca.pem, header: X-Subject }, hsts: {}, alpn: [h2, http/1.1]'), []],
    [file('alpn: [mqtt, x-amzn-mqtt-ca]', TCP), []],
    [
      file('early_data: true'),
      [
        '6:69: HAProxy takes the same first flight as often as somebody sends it ("allow-0rtt" has no register of those that it has seen); remove "early_data" or use "engine: http"',
      ],
    ],
    [
      file('handshake_timeout: 5s'),
      ['6:76: HAProxy 2.6 has no time-out for the handshake alone: it may take as long as "timeouts.idle"; remove it'],
    ],
    [file('alpn: [h3]'), ['6:64: HAProxy speaks h2 and http/1.1 in http mode, not "h3"']],
    [file('hsts: {}', TCP), ['6:63: a listener in tcp mode sees no requests; remove "hsts" or set "mode: http"']],
    [
      file('early_data: true', TCP),
      ['6:69: a listener in tcp mode sees no requests; remove "early_data" or set "mode: http"'],
    ],
    [
      file('', undefined, 'tls: { ca: ca.pem }, '),
      ['8:23: HAProxy looks for names in certificates and not for addresses; give "server_name", or "verify: false"'],
    ],
    [file('', undefined, 'tls: { verify: false }, '), []],
  ];
  for (const [text, expected] of cases) t.same(faults(text), expected);
  t.end();
});
