import t from 'tap';
import { loadConfig } from '../../config/load.ts';

const load = (admin: string) =>
  loadConfig(
    `admin: ${admin}\nlisteners: [{ name: web, bind: ":8080", backend: app }]\nbackends: [{ name: app, servers: [{ address: "127.0.0.1:1" }] }]\n`,
    { file: 'f', directory: '/etc/portico', cpuCount: 1 },
  );
const faults = (admin: string): string[] => {
  const result = load(admin);
  return result.ok ? [] : result.faults.map(({ column, message }) => `${column}: ${message}`);
};

t.test('beyond this machine only with a token and TLS', async (t) => {
  const tls = 'tls: { cert: a.pem, key: a.key }';
  for (const host of ['0.0.0.0', '"[::]', '10.0.0.1']) {
    const listen = host.startsWith('"') ? `${host}:9797"` : `"${host}:9797"`;
    t.match(faults(`{ listen: ${listen} }`), [
      /^18: .* needs "token_file" and "tls"; set them, or listen on 127\.0\.0\.1/,
    ]);
    t.match(faults(`{ listen: ${listen}, token_file: t }`), [/needs "tls"; set it,/]);
    t.match(faults(`{ listen: ${listen}, ${tls} }`), [/needs "token_file"; set it,/]);
    t.strictSame(faults(`{ listen: ${listen}, ${tls}, token_file: t }`), []);
  }
  t.strictSame(
    faults('{ listen: "0.0.0.0:9797", tls: { cert: a, key: b, client_ca: c } }'),
    [],
    'who has a certificate',
  );
  for (const listen of ['127.0.0.1:9797', '127.1.2.3:9797', '[::1]:9797', 'localhost:9797', 'unix:/run/a.sock']) {
    t.strictSame(faults(`{ listen: "${listen}" }`), [], listen);
  }
});

t.test('paths and modes', async (t) => {
  const result = load(
    '{ listen: "unix:/a", socket_mode: "0660", tls: { cert: a.pem, key: /k, client_ca: ca }, metrics: open, audit_log: log/a }',
  );
  t.match(result.ok && result.config.admin, {
    listen: { path: '/a' },
    socketMode: 0o660,
    tls: { cert: '/etc/portico/a.pem', key: '/k', clientCa: '/etc/portico/ca' },
    metrics: 'open',
    auditLog: '/etc/portico/log/a',
  });
  t.match(faults('{ socket_mode: "0660" }'), [/^23: only a socket file has a mode/]);
  t.match(faults('{ listen: "unix:/a", socket_mode: "999" }'), [/socket_mode/]);
  t.match(faults('{ metrics: maybe }'), [/open, token, off/]);
});
