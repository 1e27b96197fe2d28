import t from 'tap';
import { loadConfig } from '../../config/load.ts';

const load = (listener: string, backend = '') =>
  loadConfig(
    `
listeners: [{ name: l, bind: ":1", ${listener} }]
backends: [{ name: app, ${backend} servers: [{ address: "127.0.0.1:9001" }] }]
`,
    { file: 'f', directory: '/', cpuCount: 1 },
  );
const faults = (...args: Parameters<typeof load>): string[] => {
  const result = load(...args);
  return result.ok ? [] : result.faults.map(({ message }) => message);
};

t.test('a tcp listener with all that it can have', async (t) => {
  const result = load(
    `engine: tcp, proxy_protocol: true, trusted_proxies: [10.0.0.0/8], routes: [{ host: "*.example", backend: app }],
     limits: { connections: 5 }, timeouts: { tcp_idle: 0 }`,
    'proxy_protocol: v2,',
  );
  t.match(result, {
    ok: true,
    config: {
      listeners: [{ engine: 'tcp', hasProxyHeaders: true, tcp: { connections: 5, idleMs: 0 } }],
      backends: [{ proxyProtocol: 'v2', connectionsPerServer: 65_535 }],
    },
  });
  t.match(load('backend: app'), {
    config: {
      listeners: [{ hasProxyHeaders: false, tcp: { connections: Number.POSITIVE_INFINITY, idleMs: 3_600_000 } }],
      backends: [{ connectionsPerServer: 256 }],
    },
  });
});

t.test('keys beside an engine that cannot follow them', async (t) => {
  t.same(faults('proxy_protocol: true, trusted_proxies: [::1], backend: app'), []);
  t.match(faults('proxy_protocol: true, backend: app'), [/"trusted_proxies"/]);
  t.match(faults('engine: kernel, proxy_protocol: true, backend: app'), [/reads no PROXY headers/]);
  t.match(faults('engine: tcp, proxy_protocol: true, backend: app'), [/"trusted_proxies"/]);
  t.match(faults('engine: tcp, routes: [{ path: /x, backend: app }]'), [/remove "path"/]);
  t.match(faults('engine: tcp, routes: [{ host: a.example, redirect: { host: b.example } }, { backend: app }]'), [
    /remove "redirect"/,
  ]);
  t.match(faults('engine: tcp, routes: [{ host: "a.example:443", backend: app }]'), [/names no port/]);
  t.same(faults('backend: app', 'proxy_protocol: v1,'), []);
  t.match(faults('backend: app', 'proxy_protocol: v1, pipelining: 16,'), [/nothing to pipeline/]);
  t.match(faults('engine: tcp, backend: app', 'pipelining: 4, hedge: { after: 1s },'), [/"pipelining"/, /"hedge"/]);
  t.same(faults('engine: tcp, backend: app', 'retries: 1, connections_per_server: 5, outlier: {},'), []);
  t.match(faults('engine: tcp, backend: app', 'balance: hash, hash: { header: x },'), [/"hash: client"/]);
});

t.test('what the kernel engine cannot follow', async (t) => {
  const kernel = (backend: string): string[] => {
    const text = `
sources: [{ name: s, addresses: [10.0.0.1] }]
listeners: [{ name: l, bind: ":1", engine: kernel, backend: app }]
backends: [{ name: app, ${backend} }]
`;
    const result = loadConfig(text, { file: 'f', directory: '/', cpuCount: 1 });
    return result.ok ? [] : result.faults.map(({ message }) => message);
  };
  t.same(kernel('health: {}, servers: [{ address: "10.0.0.2:80", weight: 3 }]'), []);
  t.match(kernel('retries: 1, slow_start: 5s, servers: [{ address: "10.0.0.2:80" }]'), [/"retries"/, /"slow_start"/]);
  t.match(kernel('servers: [{ address: "10.0.0.2:80", backup: true }]'), [/no backup servers/]);
  t.match(kernel('servers: [{ address: "127.0.0.1:80" }]'), [/forwards nothing to 127\.0\.0\.1/]);
  t.match(kernel('workers: { module: builtin:echo }'), [/workers listen on 127\.0\.0\.1/]);
  t.match(kernel('balance: peak-ewma, servers: [{ address: "10.0.0.2:80" }]'), [/no response times/]);
  t.match(kernel('balance: hash, hash: { header: x }, servers: [{ address: "10.0.0.2:80" }]'), [/"hash: client"/]);
  t.match(kernel('servers: [{ address: "[fd00::1]:80" }]'), [/no IPv6 address/, /does not translate/]);
});
