import fc from 'fast-check';
import t from 'tap';
import type { Decoded } from '../../../lb/netlink/netlink-dump.ts';
import { mappedBytes, SocketAddressTable } from '../../../lb/netlink/socket-address.ts';
import { createSocketBatch, type SocketBatch } from '../../../lb/netlink/socket-batch.ts';
import { decodeSockets } from '../../../lb/netlink/socket-decoder.ts';

const SEQUENCE = 7;

interface Fields {
  readonly family: 2 | 10;
  readonly state: number;
  readonly local: string;
  readonly localPort: number;
  readonly remote: string;
  readonly remotePort: number;
  readonly inode: number;
}

function message(type: number, body: Uint8Array, { flags = 2, sequence = SEQUENCE } = {}): Uint8Array {
  const bytes = new Uint8Array((16 + body.length + 3) & ~3);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 16 + body.length, true);
  view.setUint16(4, type, true);
  view.setUint16(6, flags, true);
  view.setUint32(8, sequence, true);
  bytes.set(body, 16);
  return bytes;
}

function socket(fields: Fields, extraBytes = 8): Uint8Array {
  const body = new Uint8Array(72 + extraBytes);
  const view = new DataView(body.buffer);
  body[0] = fields.family;
  body[1] = fields.state;
  view.setUint16(4, fields.localPort);
  view.setUint16(6, fields.remotePort);
  const put = (address: string, at: number): void => {
    const bytes = mappedBytes(address);
    body.set(fields.family === 2 ? bytes.subarray(12) : bytes, at);
  };
  put(fields.local, 8);
  put(fields.remote, 24);
  view.setUint32(68, fields.inode, true);
  return message(18, body);
}

const status = (type: number, value: number, flags = 2): Uint8Array => {
  const body = new Uint8Array(4);
  new DataView(body.buffer).setInt32(0, value, true);
  return message(type, body, { flags });
};

const SOURCES = new SocketAddressTable(['10.0.0.1', '2001:db8::1', '10.0.0.2']);

function decode(parts: readonly Uint8Array[], families: readonly (4 | 6)[] = [4, 6]): [Decoded, SocketBatch] {
  const batch = createSocketBatch(64);
  return [decodeSockets(Buffer.concat(parts), { sequence: SEQUENCE, families, sources: SOURCES }, batch), batch];
}

const four: Fields = {
  family: 2,
  state: 1,
  local: '10.0.0.2',
  localPort: 50_000,
  remote: '192.0.2.9',
  remotePort: 443,
  inode: 4_000_000_000,
};

t.test('an IPv4 socket', async (t) => {
  const [decoded, batch] = decode([socket(four)]);
  t.strictSame(decoded, { type: 'more', isInterrupted: false });
  t.equal(batch.count, 1);
  t.strictSame(
    [batch.source[0], batch.localPort[0], batch.remotePort[0], batch.family[0], batch.state[0], batch.inode[0]],
    [2, 50_000, 443, 4, 1, 4_000_000_000],
  );
  t.strictSame([...batch.remote.subarray(0, 16)], [192, 0, 2, 9, ...new Array(12).fill(0)]);
});

t.test('a mapped socket is IPv4, a stranger has no source', async (t) => {
  const [, batch] = decode([
    socket({ ...four, family: 10, local: '::ffff:10.0.0.1', remote: '::ffff:192.0.2.9' }),
    socket({ ...four, family: 10, local: '2001:db8::1', remote: '2001:db8::2' }),
    socket({ ...four, local: '0.0.0.0' }),
  ]);
  t.strictSame([...batch.family.subarray(0, 3)], [4, 6, 4]);
  t.strictSame([...batch.source.subarray(0, 3)], [0, 1, 65_535]);
  t.strictSame([...batch.remote.subarray(0, 4)], [192, 0, 2, 9]);
  t.strictSame([...batch.remote.subarray(16, 32)], [...mappedBytes('2001:db8::2')]);
});

t.test('only the families asked for', async (t) => {
  const all = [socket(four), socket({ ...four, family: 10, local: '2001:db8::1', remote: '::1' })];
  t.strictSame([...decode(all, [4])[1].family.subarray(0, 1)], [4]);
  t.equal(decode(all, [4])[1].count, 1);
  t.equal(decode(all, [6])[1].count, 1);
  t.equal(decode(all, [6])[1].family[0], 6);
});

t.test('ends, errors and interruptions', async (t) => {
  const INTERRUPTED = 0x10;
  const table: [string, Uint8Array[], Decoded][] = [
    ['done', [status(3, 0)], { type: 'done', isInterrupted: false }],
    ['done with an error', [status(3, -12)], { type: 'error', errno: 12 }],
    ['done, interrupted', [status(3, 0, INTERRUPTED)], { type: 'done', isInterrupted: true }],
    ['error', [status(2, -22)], { type: 'error', errno: 22 }],
    ['acknowledgement', [status(2, 0)], { type: 'more', isInterrupted: false }],
    ['overrun', [status(4, 0)], { type: 'more', isInterrupted: true }],
    ['of another request', [message(3, new Uint8Array(4), { sequence: 8 })], { type: 'more', isInterrupted: false }],
    ['cut header', [socket(four).subarray(0, 9)], { type: 'malformed' }],
    ['cut message', [socket(four).subarray(0, 60)], { type: 'malformed' }],
    ['short socket', [message(18, new Uint8Array(71))], { type: 'malformed' }],
    ['length zero', [new Uint8Array(16)], { type: 'malformed' }],
    ['short error', [message(2, new Uint8Array(0))], { type: 'malformed' }],
  ];
  for (const [name, parts, expected] of table) t.strictSame(decode(parts)[0], expected, name);
});

t.test('what went before a fault is in the batch', async (t) => {
  const [decoded, batch] = decode([socket(four), socket(four).subarray(0, 40)]);
  t.equal(decoded.type, 'malformed');
  t.equal(batch.count, 1);
});

t.test('property: sockets come out as they went in', async () => {
  const port = fc.integer({ min: 0, max: 65_535 });
  const address = fc.constantFrom('10.0.0.1', '10.0.0.2', '10.0.0.3', '255.255.255.255', '128.0.0.0');
  const fields = fc.record({
    family: fc.constantFrom(2 as const, 10 as const),
    state: fc.integer({ min: 1, max: 12 }),
    local: address,
    localPort: port,
    remote: address,
    remotePort: port,
    inode: fc.nat({ max: 0xffff_ffff }),
  });
  fc.assert(
    fc.property(fc.array(fc.tuple(fields, fc.nat({ max: 40 })), { maxLength: 40, size: 'max' }), (list) => {
      const [decoded, batch] = decode([...list.map(([item, extra]) => socket(item, extra)), status(3, 0)]);
      if (decoded.type !== 'done' || batch.count !== list.length) return false;
      return list.every(([item], i) => {
        const source = ['10.0.0.1', '', '10.0.0.2'].indexOf(item.local);
        return (
          batch.source[i] === (source < 0 ? 65_535 : source) &&
          batch.localPort[i] === item.localPort &&
          batch.remotePort[i] === item.remotePort &&
          batch.state[i] === item.state &&
          batch.inode[i] === item.inode &&
          batch.family[i] === 4 &&
          [...batch.remote.subarray(i * 16, i * 16 + 4)].join('.') === item.remote
        );
      });
    }),
  );
});

t.test('property: any bytes give an answer', async () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 600, size: 'max' }), (bytes) => {
      const [{ type }] = decode([bytes]);
      return type === 'more' || type === 'done' || type === 'error' || type === 'malformed';
    }),
  );
});
