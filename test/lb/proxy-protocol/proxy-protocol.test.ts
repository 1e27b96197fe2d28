import fc from 'fast-check';
import t from 'tap';
import { formatIpAddress } from '../../../config/ip-address.ts';
import type { ProxiedAddresses } from '../../../lb/proxy-protocol/proxied-addresses.ts';
import { readProxyHeader } from '../../../lb/proxy-protocol/read-proxy-header.ts';
import { writeProxyHeader } from '../../../lb/proxy-protocol/write-proxy-header.ts';

const read = (bytes: Buffer): ReturnType<typeof readProxyHeader> => readProxyHeader(bytes, bytes.length);
const SIGNATURE = '0d0a0d0a000d0a515549540a';

const port = fc.integer({ min: 0, max: 65_535 });
const four = fc.bigInt({ min: 0n, max: (1n << 32n) - 1n }).map((value) => formatIpAddress({ value, bits: 32 }));
const six = fc.bigInt({ min: 1n << 64n, max: (1n << 128n) - 1n }).map((value) => formatIpAddress({ value, bits: 128 }));
const pair = (address: fc.Arbitrary<string>): fc.Arbitrary<ProxiedAddresses> =>
  fc.record({ source: fc.record({ address, port }), destination: fc.record({ address, port }) });
const canonical = ({ source, destination }: ProxiedAddresses): string =>
  JSON.stringify([source, destination].map(({ address, port }) => [new URL(`http://[${address}]`).hostname, port]));

t.test('what is written is read, whatever follows, and no byte less is enough', async () => {
  fc.assert(
    fc.property(
      fc.constantFrom('v1' as const, 'v2' as const),
      fc.oneof(pair(four), pair(six)),
      fc.uint8Array({ maxLength: 50 }),
      (version, addresses, after) => {
        const header = writeProxyHeader(version, addresses);
        const found = read(Buffer.concat([header, after]));
        if (found.kind !== 'header' || found.length !== header.length || found.addresses === undefined) return false;
        const isSix = addresses.source.address.includes(':');
        const isSame = isSix
          ? canonical(found.addresses) === canonical(addresses)
          : JSON.stringify(found.addresses) === JSON.stringify(addresses);
        for (let length = 0; length < header.length; length++)
          if (readProxyHeader(header, length).kind !== 'incomplete') return false;
        return isSame && (version === 'v2' || header.length <= 107);
      },
    ),
    { numRuns: 500 },
  );
});

t.test('no bytes make it throw, and more bytes never take a verdict back', async () => {
  const start = fc.constantFrom(Buffer.alloc(0), Buffer.from('PROXY TCP4 '), Buffer.from(SIGNATURE, 'hex'));
  fc.assert(
    fc.property(start, fc.uint8Array({ maxLength: 150 }), (head, tail) => {
      const bytes = Buffer.concat([head, tail]);
      let decided: string | undefined;
      for (let length = 0; length <= bytes.length; length++) {
        const verdict = JSON.stringify(readProxyHeader(bytes, length));
        if (decided !== undefined && decided !== verdict) return false;
        if (!verdict.includes('incomplete')) decided = verdict;
      }
      return true;
    }),
    { numRuns: 1000 },
  );
});

t.test('version 1, by the specification', async (t) => {
  const table: readonly (readonly [string, unknown])[] = [
    [
      'PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\nrest',
      {
        kind: 'header',
        length: 45,
        addresses: {
          source: { address: '192.0.2.1', port: 56_324 },
          destination: { address: '198.51.100.2', port: 443 },
        },
      },
    ],
    ['PROXY TCP6 2001:db8::1 ::1 1 2\r\n', { kind: 'header', addresses: { source: { address: '2001:db8::1' } } }],
    ['PROXY UNKNOWN\r\n', { kind: 'header', length: 15, addresses: undefined }],
    ['PROXY UNKNOWN ffff::1 what ever\r\n', { kind: 'header', addresses: undefined }],
    ['PROXY TCP4 192.0.2.1 198.51.100.2 1 2', { kind: 'incomplete' }],
    ['PROXY TCP4 192.0.2.1 198.51.100.2 1 2\n', { kind: 'malformed' }],
    ['PROXY TCP4 192.0.2.1 198.51.100.2 01 2\r\n', { kind: 'malformed' }],
    ['PROXY TCP4 192.0.2.1 198.51.100.2 1 65536\r\n', { kind: 'malformed' }],
    ['PROXY TCP4 192.0.2.1 198.51.100.2 1\r\n', { kind: 'malformed' }],
    ['PROXY TCP4 192.0.2.1 198.51.100.2 1 2 3\r\n', { kind: 'malformed' }],
    ['PROXY TCP4  192.0.2.1 198.51.100.2 1 2\r\n', { kind: 'malformed' }],
    ['PROXY TCP4 2001:db8::1 ::1 1 2\r\n', { kind: 'malformed' }],
    ['PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n', { kind: 'malformed' }],
    ['PROXY UDP4 192.0.2.1 198.51.100.2 1 2\r\n', { kind: 'malformed' }],
    ['PROXY UNKNOWNX\r\n', { kind: 'malformed' }],
    ['GET / HTTP/1.1\r\n', { kind: 'malformed' }],
    [`PROXY UNKNOWN ${'x'.repeat(200)}`, { kind: 'malformed' }],
  ];
  for (const [text, expected] of table) t.match(read(Buffer.from(text)), expected as object, JSON.stringify(text));
});

t.test('version 2, by the specification', async (t) => {
  const v2 = (hex: string): Buffer => Buffer.from(SIGNATURE + hex, 'hex');
  const four = 'c0000201c6336402dc0401bb';
  const table: readonly (readonly [string, Buffer, unknown])[] = [
    [
      'TCP over IPv4',
      v2(`2111000c${four}`),
      {
        kind: 'header',
        length: 28,
        addresses: {
          source: { address: '192.0.2.1', port: 56_324 },
          destination: { address: '198.51.100.2', port: 443 },
        },
      },
    ],
    [
      'with extensions',
      v2(`21110013${four}0400040a0b0c0d`),
      { kind: 'header', length: 35, addresses: { source: { port: 56_324 } } },
    ],
    ['a health check', v2('20000000'), { kind: 'header', length: 16, addresses: undefined }],
    ['a health check that fills its addresses', v2(`2011000c${four}`), { kind: 'header', addresses: undefined }],
    ['a kind without addresses', v2('21000000'), { kind: 'header', addresses: undefined }],
    ['a UNIX socket', v2(`213100d8${'00'.repeat(216)}`), { kind: 'header', length: 232, addresses: undefined }],
    ['too short for its family', v2(`2111000b${'00'.repeat(11)}`), { kind: 'malformed' }],
    ['version 1 in a binary header', v2('11110000'), { kind: 'malformed' }],
    ['an unknown command', v2(`2211000c${four}`), { kind: 'malformed' }],
    ['longer than anyone needs', v2('2111ffff'), { kind: 'malformed' }],
    ['another signature', Buffer.from('0d0a0d0a000d0a515549540b', 'hex'), { kind: 'malformed' }],
  ];
  for (const [what, bytes, expected] of table) t.match(read(bytes), expected as object, what);
});

t.test('a dual-stack socket’s name for an IPv4 client is written as IPv4; one family for both', async (t) => {
  const mapped = {
    source: { address: '::ffff:192.0.2.1', port: 1 },
    destination: { address: '::ffff:192.0.2.2', port: 2 },
  };
  t.equal(writeProxyHeader('v1', mapped).toString(), 'PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n');
  t.match(read(writeProxyHeader('v2', mapped)), { length: 28, addresses: { source: { address: '192.0.2.1' } } });
  const mixed = { source: { address: '192.0.2.1', port: 1 }, destination: { address: '2001:db8::1', port: 2 } };
  t.equal(writeProxyHeader('v1', mixed).toString(), 'PROXY TCP6 0:0:0:0:0:ffff:c000:201 2001:db8:0:0:0:0:0:1 1 2\r\n');
  t.match(read(writeProxyHeader('v2', mixed)), { addresses: { destination: { address: '2001:db8::1' } } });
  t.equal(writeProxyHeader('v1', undefined).toString(), 'PROXY UNKNOWN\r\n');
  t.match(read(writeProxyHeader('v2', undefined)), { kind: 'header', addresses: undefined });
});
