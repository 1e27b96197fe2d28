import t from 'tap';
import { editText } from '../../config/edit-text.ts';
import { loadConfig } from '../../config/load.ts';

const TEXT = `# the front door
sources:
  - name: default # of the house
    addresses:
      - 10.0.0.1 # the first
      - 10.0.0.4-10.0.0.9
listeners:
  - { name: web, bind: ":80", backend: app }

backends:
  - name: app
    # all of them
    servers:
      - address: 10.0.1.1:80 # left
        weight: 2
      # and this one
      - { address: "[2001:DB8::1]:80" }
  - name: shop
    servers: [{ address: 10.0.2.1:80 }]
`;

const server = {
  kind: 'server',
  backend: 'app',
  server: '10.0.1.1:80',
  weight: 2,
  state: 'ready',
  backup: false,
} as const;

const lines = (text: string | undefined): string[] => (text ?? '').split('\n');
/** What is in one text and not in the other. */
const changed = (text: string | undefined): string[] => [
  ...lines(TEXT)
    .filter((line) => !lines(text).includes(line))
    .map((line) => `- ${line.trim()}`),
  ...lines(text)
    .filter((line) => !lines(TEXT).includes(line))
    .map((line) => `+ ${line.trim()}`),
];

t.test('servers', async (t) => {
  t.strictSame(changed(editText(TEXT, server)), [], 'as it is');
  t.strictSame(changed(editText(TEXT, { ...server, weight: 7 })), ['- weight: 2', '+ weight: 7']);
  t.strictSame(changed(editText(TEXT, { ...server, state: 'drain' })), ['+ state: drain']);
  t.strictSame(changed(editText(TEXT, { ...server, server: '[2001:db8::1]:80', weight: 1, backup: true })), [
    '- - { address: "[2001:DB8::1]:80" }',
    '+ - { address: "[2001:DB8::1]:80", backup: true }',
  ]);
  t.strictSame(changed(editText(TEXT, { ...server, server: '10.0.1.9:80', weight: 3 })), [
    '+ - { address: 10.0.1.9:80, weight: 3 }',
  ]);
  t.strictSame(changed(editText(TEXT, { kind: 'server-removed', backend: 'app', server: '10.0.1.1:80' })), [
    '- - address: 10.0.1.1:80 # left',
    '- weight: 2',
  ]);
  t.equal(editText(TEXT, { kind: 'server-removed', backend: 'shop', server: '10.0.2.1:80' }), undefined, 'the last');
  t.equal(editText(TEXT, { ...server, backend: 'other' }), undefined);
  t.equal(editText('a: [', server), undefined);
});

t.test('addresses', async (t) => {
  const add = editText(TEXT, { kind: 'address', pool: 'default', address: '10.0.0.20' });
  t.strictSame(changed(add), ['+ - 10.0.0.20']);
  const removed = editText(TEXT, { kind: 'address-removed', pool: 'default', address: '10.0.0.1' });
  t.strictSame(changed(removed), ['- - 10.0.0.1 # the first']);
  const inRange = editText(TEXT, { kind: 'address-removed', pool: 'default', address: '10.0.0.5' });
  t.equal(inRange, undefined, 'one of a range has no line of its own');
  t.equal(editText(TEXT, { kind: 'address', pool: 'other', address: '10.0.0.20' }), undefined);
});

t.test('a file without indented lists keeps its looks', async (t) => {
  const flat = 'backends:\n- name: app\n  servers:\n  - {address: 10.0.1.1:80}\n';
  t.equal(
    editText(flat, { ...server, weight: 3 }),
    'backends:\n- name: app\n  servers:\n  - {address: 10.0.1.1:80, weight: 3}\n',
  );
});

t.test('what is kept is read back', async (t) => {
  const text = editText(TEXT.replace('10.0.0.1 ', '10.0.0.1 ').replace(/ {6}- \{ address: "\[.*\n/, ''), {
    ...server,
    state: 'maintenance',
    weight: 0,
  });
  const loaded = loadConfig(text!, { file: 'f', directory: '/', cpuCount: 1 });
  t.ok(loaded.ok, JSON.stringify(loaded));
  t.strictSame(loaded.ok && loaded.config.backends[0]!.servers, [
    { host: '10.0.1.1', port: 80, weight: 0, backup: false, state: 'maintenance' },
  ]);
});
