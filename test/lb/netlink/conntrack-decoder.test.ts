import fc from 'fast-check';
import t from 'tap';
import { createConntrackBatch } from '../../../lb/netlink/conntrack-batch.ts';
import { decodeConntrack } from '../../../lb/netlink/conntrack-decoder.ts';
import { encodeAttribute, encodeMessage } from '../../../lb/netlink/message.ts';
import { mappedBytes, SocketAddressTable } from '../../../lb/netlink/socket-address.ts';

const SEQUENCE = 9;
const OPTIONS = {
  sequence: SEQUENCE,
  sources: new SocketAddressTable(['10.2.0.5', 'fd00::5']),
  servers: new SocketAddressTable(['10.2.0.2', 'fd00::2']),
};

function tuple(type: number, from: string, fromPort: number, to: string, toPort: number, protocol: number): Buffer {
  const isSix = from.includes(':');
  const bytes = (address: string): Buffer => Buffer.from(mappedBytes(address).subarray(isSix ? 0 : 12));
  const port = (number: number): Buffer => Buffer.from([number >>> 8, number & 255]);
  const ip = [encodeAttribute(isSix ? 3 : 1, bytes(from)), encodeAttribute(isSix ? 4 : 2, bytes(to))];
  const proto = [
    encodeAttribute(1, Buffer.from([protocol])),
    encodeAttribute(2, port(fromPort)),
    encodeAttribute(3, port(toPort)),
  ];
  const nested = (inner: number, parts: readonly Buffer[]): Buffer =>
    encodeAttribute(0x8000 | inner, Buffer.concat(parts));
  return nested(type, [nested(1, ip), nested(2, proto)]);
}

interface Entry {
  readonly server?: string;
  readonly source?: string;
  readonly protocol?: number;
  readonly status?: number;
  readonly state?: number;
  readonly sequence?: number;
  /** Of the client's side. */
  readonly flags?: number;
}

function entry({
  server = '10.2.0.2',
  source = '10.2.0.5',
  protocol = 6,
  status = 0x3e,
  state = 3,
  sequence = SEQUENCE,
  flags = 0,
}: Entry = {}): Buffer {
  const client = source.includes(':') ? 'fd00:1::9' : '10.1.0.9';
  const here = source.includes(':') ? 'fd00:1::1' : '10.1.0.1';
  const statusBytes = Buffer.alloc(4);
  statusBytes.writeUInt32BE(status);
  const tcp = encodeAttribute(
    0x8001,
    Buffer.concat([
      encodeAttribute(1, Buffer.from([state])),
      encodeAttribute(2, Buffer.from([7])),
      encodeAttribute(3, Buffer.from([7])),
      encodeAttribute(4, Buffer.from([flags, 0])),
      encodeAttribute(5, Buffer.from([0x23, 0])),
    ]),
  );
  return encodeMessage(
    0x0100,
    2,
    sequence,
    Buffer.concat([
      Buffer.alloc(4),
      tuple(1, client, 50_000, here, 8080, protocol),
      tuple(2, server, 80, source, 20_001, protocol),
      encodeAttribute(3, statusBytes),
      ...(protocol === 6 ? [encodeAttribute(0x8004, tcp)] : []),
      encodeAttribute(12, Buffer.from([0xca, 0xfe, 0, 1])),
    ]),
  );
}

const done = encodeMessage(3, 2, SEQUENCE, Buffer.alloc(4));

t.test('translated connections from our sources', async (t) => {
  const batch = createConntrackBatch(8);
  const datagram = Buffer.concat([
    entry(),
    entry({ server: 'fd00::2', source: 'fd00::5', state: 7 }),
    entry({ server: '10.2.0.77', protocol: 17 }),
    entry({ status: 0x2e }),
    entry({ source: '10.2.0.99' }),
    entry({ sequence: 1 }),
    done,
  ]);
  t.same(decodeConntrack(datagram, OPTIONS, batch), { type: 'done', isInterrupted: false });
  const rows = Array.from({ length: batch.count }, (_, i) => [
    batch.source[i],
    batch.sourcePort[i],
    batch.server[i],
    batch.serverPort[i],
    batch.listenerPort[i],
    batch.protocol[i],
    batch.state[i],
  ]);
  t.same(rows, [
    [0, 20_001, 0, 80, 8080, 6, 3],
    [1, 20_001, 1, 80, 8080, 6, 7],
    [0, 20_001, 65_535, 80, 8080, 17, 0],
  ]);
});

t.test('who ended it, and what the kernel knows it by', async (t) => {
  const batch = createConntrackBatch(8);
  const datagram = Buffer.concat([entry({ state: 7, flags: 0x27 }), entry({ state: 7, flags: 0x23 })]);
  decodeConntrack(datagram, OPTIONS, batch);
  t.same([...batch.isEndedByClient.subarray(0, 2)], [1, 0]);
  t.equal(batch.id[0], 0xcafe_0001);
  const at = batch.tupleAt[1]!;
  t.equal(batch.bytes, datagram);
  t.equal(datagram.readUInt16LE(at + 2), 0x8001, 'the tuple of the original direction');
  t.equal(datagram.readUInt16LE(at), 52);
});

t.test('errors, interruptions and nonsense', async (t) => {
  const batch = createConntrackBatch(8);
  const error = Buffer.alloc(4);
  error.writeInt32LE(-16);
  t.same(decodeConntrack(encodeMessage(2, 0, SEQUENCE, error), OPTIONS, batch), { type: 'error', errno: 16 });
  t.same(decodeConntrack(encodeMessage(0x0100, 0x12, SEQUENCE, Buffer.alloc(4)), OPTIONS, batch), {
    type: 'more',
    isInterrupted: true,
  });
  t.same(decodeConntrack(entry().subarray(0, 60), OPTIONS, batch), { type: 'malformed' });
});

t.test('whatever comes, nothing is thrown and nothing is read twice', async () => {
  const bytes = entry();
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { maxLength: 8 }), (changes) => {
      const broken = Buffer.from(bytes);
      for (const [at, value] of changes) broken[at] = value;
      const batch = createConntrackBatch(4);
      decodeConntrack(broken, OPTIONS, batch);
      return batch.count <= 1;
    }),
    { numRuns: 2000 },
  );
});
