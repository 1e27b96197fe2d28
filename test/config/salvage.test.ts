import t from 'tap';
import { formatFault } from '../../config/fault.ts';
import { loadConfig } from '../../config/load.ts';

function faults(text: string): string[] {
  const result = loadConfig(text, { file: 'f', directory: '/', cpuCount: 1 });
  return result.ok ? [] : result.faults.map(formatFault);
}

t.test('faults of shape and of meaning come together, in the order of the file', async (t) => {
  const text = `
listeners:
  - { name: web, bind: "127.0.0.1:80", backend: ap, timeouts: { idel: 5s } }
  - { name: web, bind: ":80", backend: app }
backends:
  - name: app
    source: defualt
    balanse: hash
    retries: many
    servers: [{ address: 127.0.0.1:9001, wieght: 2 }, { address: "localhost:9001" }]
`;
  t.same(faults(text), [
    'f:3:49: there is no backend "ap"; did you mean "app"?',
    'f:3:65: unknown key "idel" in listeners[0].timeouts; did you mean "idle"?',
    'f:4:13: "web" is the name of listeners[0] as well; names must differ',
    'f:4:24: :80 is taken by listener "web"',
    'f:7:13: there is no source pool "defualt"; did you mean "default"?',
    'f:8:5: unknown key "balanse" in backends[0]; did you mean "balance"?',
    'f:9:14: backends[0].retries is "many", which does not fit: Further tries on other servers, where the request bears it; 0 to 10',
    'f:10:42: unknown key "wieght" in backends[0].servers[0]; did you mean "weight"?',
    'f:10:66: localhost:9001 is there twice; use "weight" to give it more',
  ]);
});

t.test('a misspelt key has no second fault as its echo', async (t) => {
  const good = `
listeners: [{ name: web, bind: "127.0.0.1:0", backend: app }]
backends: [{ name: app, servers: [{ address: 127.0.0.1:9001 }] }]
`;
  t.same(faults(good), []);
  const cases: [string, string][] = [
    ['backend: app', 'bakend: app'],
    ['servers:', 'server:'],
    ['backends:', 'backend:'],
    ['name: web', 'nmae: web'],
    ['address:', 'adress:'],
    ['bind: "127.0.0.1:0"', 'bind: "127.0.0.1:9797"'],
  ];
  for (const [from, to] of cases) {
    const text = good.replace(from, to) + (to.includes('9797') ? 'admin: { lisen: "127.0.0.1:1" }\n' : '');
    const found = faults(text);
    t.equal(found.filter((fault) => fault.includes('unknown key')).length, 1, to);
    t.same(
      found.filter((fault) => !/unknown key| has no "/.test(fault)),
      [],
      to,
    );
  }
});

t.test('a misspelt section does not make the names in it unknown', async (t) => {
  const text = `
sorces: [{ name: mine, addresses: [127.0.1.1] }]
listeners: [{ name: web, bind: "127.0.0.1:0", backend: app }]
backends: [{ name: app, source: mine, servers: [{ address: 127.0.0.1:9001 }] }]
`;
  t.same(faults(text), ['f:2:1: unknown key "sorces" in the file; did you mean "sources"?']);
});

t.test('keys that are no words are refused where they stand', async (t) => {
  t.same(faults('planes: 1\n? [a]\n: 2\n'), ['f:2:3: keys must be plain words']);
});

t.test('every missing key is named', async (t) => {
  t.same(faults('planes: 1\n'), ['f:1:1: the file has no "listeners"', 'f:1:1: the file has no "backends"']);
});

t.test('a fault carries its path and suggestion as data', async (t) => {
  const result = loadConfig('listeners: []\nbackend: 1\n', { file: 'f', directory: '/', cpuCount: 1 });
  t.notOk(result.ok);
  t.match(!result.ok && result.faults.find(({ path }) => path === 'backend'), {
    line: 2,
    column: 1,
    message: 'unknown key "backend" in the file',
    suggestion: 'backends',
  });
});
