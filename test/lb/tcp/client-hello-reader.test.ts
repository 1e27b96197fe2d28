import fc from 'fast-check';
import t from 'tap';
import { ClientHelloReader, type HelloVerdict } from '../../../lb/tcp/client-hello-reader.ts';
import { helloMessage, inRecords, realClientHello, serverNameExtension } from '../../fixtures/client-hello.ts';

/** Feeds the bytes in pieces of these lengths, then the rest; the verdict that comes first is the last. */
function read(bytes: Buffer, pieces: readonly number[] = []): HelloVerdict {
  const reader = new ClientHelloReader();
  let at = 0;
  for (const piece of [...pieces, bytes.length]) {
    const end = Math.min(bytes.length, at + piece);
    const verdict = reader.push(bytes, at, end);
    if (verdict.kind !== 'incomplete') return verdict;
    at = end;
  }
  return { kind: 'incomplete' };
}

const named = (name: string | Buffer, more: (readonly [number, Buffer])[] = []): Buffer =>
  inRecords(helloMessage({ extensions: [...more, serverNameExtension(Buffer.from(name as string, 'latin1'))] }));

t.test('what real clients send', async (t) => {
  for (const options of [
    {},
    { maxVersion: 'TLSv1.2' },
    { minVersion: 'TLSv1.3' },
    { ALPNProtocols: ['h2'] },
  ] as const) {
    const hello = await realClientHello('App.Example', options);
    t.same(read(hello), { kind: 'name', name: 'app.example' });
    t.same(read(await realClientHello('', options)), { kind: 'name', name: '' });
  }
});

t.test('any cut into reads and records gives the same name, and no byte less is enough', async () => {
  const label = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?$/);
  const hello = fc.record({
    name: fc.array(label, { minLength: 1, maxLength: 5 }).map((labels) => labels.join('.')),
    sessionId: fc.uint8Array({ maxLength: 32 }),
    suites: fc.integer({ min: 1, max: 100 }),
    before: fc.array(fc.tuple(fc.integer({ min: 1, max: 65_535 }), fc.uint8Array({ maxLength: 600 })), {
      maxLength: 5,
    }),
    records: fc.array(fc.integer({ min: 1, max: 200 }), { maxLength: 20 }),
    reads: fc.array(fc.integer({ min: 0, max: 40 }), { maxLength: 100 }),
    after: fc.uint8Array({ maxLength: 30 }),
  });
  fc.assert(
    fc.property(hello, ({ name, sessionId, suites, before, records, reads, after }) => {
      const message = helloMessage({
        sessionId: Buffer.from(sessionId),
        cipherSuites: Buffer.alloc(2 * suites, 1),
        extensions: [
          ...before.map(([type, content]) => [type, Buffer.from(content)] as const),
          serverNameExtension(Buffer.from(name)),
        ],
      });
      const bytes = inRecords(message, records);
      const whole = read(Buffer.concat([bytes, after]), reads);
      const early = read(bytes.subarray(0, bytes.length - 1), reads);
      return whole.kind === 'name' && whole.name === name && early.kind === 'incomplete';
    }),
    { numRuns: 300 },
  );
});

t.test('no bytes make it throw, and what it answers does not depend on how they are cut', async () => {
  const valid = named('app.example', [[10, Buffer.alloc(20)]]);
  const spoiled = fc
    .array(fc.tuple(fc.nat({ max: valid.length - 1 }), fc.integer({ min: 0, max: 255 })), { maxLength: 4 })
    .map((changes) => {
      const bytes = Buffer.from(valid);
      for (const [at, value] of changes) bytes[at] = value;
      return bytes;
    });
  const noise = fc.uint8Array({ maxLength: 400 }).map((bytes) => Buffer.from(bytes));
  const likeTls = noise.map((bytes) => inRecords(Buffer.concat([Buffer.from([1, 0, 1, 0x90]), bytes])));
  fc.assert(
    fc.property(
      fc.oneof(spoiled, noise, likeTls),
      fc.array(fc.integer({ min: 1, max: 30 }), { maxLength: 60 }),
      (bytes, reads) => {
        const atOnce = read(bytes);
        const inPieces = read(bytes, reads);
        return JSON.stringify(atOnce) === JSON.stringify(inPieces);
      },
    ),
    { numRuns: 2000 },
  );
});

t.test('one table of what is no ClientHello, and of what is none with a name', async (t) => {
  const name = serverNameExtension(Buffer.from('a.example'));
  const raw = (extension: readonly [number, Buffer]): Buffer => inRecords(helloMessage({ extensions: [extension] }));
  const list = (hex: string): Buffer => raw([0, Buffer.from(hex, 'hex')]);
  const good = named('a.example');
  const withLength = (at: number, value: number): Buffer => {
    const bytes = Buffer.from(good);
    bytes[at] = value;
    return bytes;
  };
  const table: readonly (readonly [string, Buffer, string | undefined])[] = [
    ['another protocol', Buffer.from('SSH-2.0-OpenSSH'), ''],
    ['SSL 2', Buffer.from('802e0100020015', 'hex'), ''],
    ['an alert', Buffer.from('15030100020228', 'hex'), ''],
    ['no extensions', inRecords(helloMessage({ extensions: undefined })), ''],
    ['no name', inRecords(helloMessage({ extensions: [[43, Buffer.from([2, 3, 4])]] })), ''],
    ['an underscore', named('_dmarc.a_b.example'), '_dmarc.a_b.example'],
    ['the root’s dot', named('a.example.'), 'a.example.'],
    ['a ServerHello', inRecords(Buffer.concat([Buffer.from([2]), helloMessage({}).subarray(1)])), undefined],
    ['a record of another major version', withLength(1, 4), undefined],
    ['an empty record', Buffer.from('1603010000', 'hex'), undefined],
    ['a record that is too long', Buffer.from('160301400101', 'hex'), undefined],
    ['a message that is too long', Buffer.from('160301000401010000', 'hex'), undefined],
    [
      'an alert in the middle',
      Buffer.concat([inRecords(helloMessage({}).subarray(0, 9)), Buffer.from([21])]),
      undefined,
    ],
    [
      'a session id that is too long',
      inRecords(helloMessage({ sessionId: Buffer.alloc(33), extensions: [] })),
      undefined,
    ],
    ['no cipher suites', inRecords(helloMessage({ cipherSuites: Buffer.alloc(0), extensions: [] })), undefined],
    ['no compression method', inRecords(helloMessage({ compression: Buffer.alloc(0), extensions: [] })), undefined],
    ['two names of servers', inRecords(helloMessage({ extensions: [name, name] })), undefined],
    ['a list of two', list('000e000461610000000461610000'), undefined],
    ['an empty list', list('0000'), undefined],
    ['an empty extension', list(''), undefined],
    ['an empty name', list('0003000000'), undefined],
    ['another kind of name', list('0004010001' + '61'), undefined],
    ['a list longer than its extension', list('0009000001' + '61'), undefined],
    ['a NUL in the name', named('a.example\0.b.example'), undefined],
    ['a port in the name', named('a.example:443'), undefined],
    ['a space', named('a example'), undefined],
    ['a leading dot', named('.example'), undefined],
    ['bytes above ASCII', named('ä.example'), undefined],
    ['a name of 256 bytes', named('a'.repeat(256)), undefined],
  ];
  for (const [what, bytes, expected] of table) {
    t.same(read(bytes), expected === undefined ? { kind: 'malformed' } : { kind: 'name', name: expected }, what);
  }
});
