import t from 'tap';
import { formatFault } from '../../config/fault.ts';
import { loadConfig } from '../../config/load.ts';

const context = { file: 'f', directory: '/', cpuCount: 1 };

function load(text: string): { faults: string[]; warnings: string[] } {
  const result = loadConfig(text, context);
  return result.ok
    ? { faults: [], warnings: result.warnings.map(formatFault) }
    : { faults: result.faults.map(formatFault), warnings: [] };
}

const file = (routes: string, server: string, pools: string): string => `
sources: [${pools}]
listeners: [{ name: web, bind: "127.0.0.1:0", routes: [${routes}] }]
backends:
  - { name: app, servers: [${server}] }
`;
const LOOPBACK = '{ name: s, addresses: [127.0.1.1, "::1"] }';

t.test('what is allowed and hardly meant', async (t) => {
  t.same(load(file('{ backend: app }', '{ address: 127.0.0.1:1 }', LOOPBACK)), { faults: [], warnings: [] });
  t.same(load(file('{ path: /, backend: app }, { path: /x, backend: app }', '{ address: 127.0.0.1:1 }', LOOPBACK)), {
    faults: [],
    warnings: ['f:3:83: never reached: listeners[0].routes[0] takes every request'],
  });
  t.same(
    load(file('{ backend: app }', '{ address: 127.0.0.1:1 }', `${LOOPBACK}, { name: t, addresses: [10.0.0.1] }`)),
    { faults: [], warnings: ['f:2:63: no backend uses source pool "t"'] },
  );
  t.same(
    load(`${file('{ backend: app }', '{ address: 127.0.0.1:1 }', LOOPBACK)}  - { name: b, workers: { module: x } }`),
    {
      faults: [],
      warnings: ['f:6:13: no listener uses backend "b"'],
    },
  );
});

t.test('loopback sources and servers elsewhere', async (t) => {
  const servers = '{ address: 127.0.0.1:1 }, { address: 10.0.0.5:1 }';
  t.match(load(file('{ backend: app }', servers, LOOPBACK)).warnings, [/^f:5:65: source pool "s" has loopback/]);
  t.same(load(file('{ backend: app }', servers, '{ name: s, addresses: [127.0.1.1, 10.0.0.1] }')).warnings, []);
});

t.test('a server of a family that the pool lacks is a fault', async (t) => {
  const v4 = '{ name: s, addresses: [127.0.1.1] }';
  const v6 = '{ name: s, addresses: ["::1"] }';
  t.same(load(file('{ backend: app }', '{ address: "[::1]:1" }', v4)).faults, [
    'f:5:39: source pool "s" has no IPv6 address to reach it from',
  ]);
  t.same(load(file('{ backend: app }', '{ address: 127.0.0.1:1 }', v6)).faults, [
    'f:5:39: source pool "s" has no IPv4 address to reach it from',
  ]);
  t.same(load(file('{ backend: app }', '{ address: "[::1]:1" }', v6)).faults, []);
});
