import t from 'tap';
import { loadConfig } from '../../config/load.ts';
import { banner } from '../../src/banner.ts';

function bannerOf(listeners: string, adminAddress = 'http://127.0.0.1:9797'): string {
  const text = `
sources: [{ name: default, addresses: [127.0.1.1] }]
listeners: ${listeners}
backends: [{ name: app, servers: [{ address: 127.0.0.1:9001 }] }]
`;
  const loaded = loadConfig(text, { file: 'test', directory: '/', cpuCount: 1 });
  if (!loaded.ok) throw new Error(loaded.faults[0]!.message);
  return banner({ config: loaded.config, ports: { a: 8080, b: 8081 }, adminAddress });
}

t.test('an address that can be copied for each listener, and what to try first', async (t) => {
  const http = bannerOf('[{ name: a, bind: "0.0.0.0:8080", routes: [{ backend: app }] }]');
  t.match(http, '  listener a: http://127.0.0.1:8080 (all addresses)\n');
  t.match(http, '  curl http://127.0.0.1:8080/\n');
  t.match(http, 'new WebSocket("ws://127.0.0.1:8080/")');
  t.match(http, 'Pages for people: http://127.0.0.1:9797/\n');
});

t.test('nobody is told to curl what is not HTTP', async (t) => {
  const tcp = '{ name: a, bind: "[::1]:8080", engine: tcp, backend: app }';
  t.match(bannerOf(`[${tcp}]`), '  listener a: tcp://[::1]:8080\n');
  t.notMatch(bannerOf(`[${tcp}]`), 'curl');
  const mixed = bannerOf(`[${tcp}, { name: b, bind: "127.0.0.1:8081", routes: [{ backend: app }] }]`);
  t.match(mixed, '  curl http://127.0.0.1:8081/\n', 'the first that is');
  t.match(
    bannerOf('[{ name: a, bind: "10.0.0.1:53", engine: haproxy, backend: app }]'),
    'listener a: tcp://10.0.0.1:8080\n',
  );
});

t.test('over a socket file there are no pages to open', async (t) => {
  const text = bannerOf('[{ name: a, bind: "127.0.0.1:8080", routes: [{ backend: app }] }]', '/run/portico/admin.sock');
  t.match(text, 'Metrics: unix:/run/portico/admin.sock/metrics');
  t.notMatch(text, 'Pages');
});
