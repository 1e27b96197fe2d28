import fc from 'fast-check';
import t from 'tap';
import { decodeAttributes, decodeMessages, encodeAttribute, encodeMessage } from '../../../lb/netlink/message.ts';
import {
  decodeAddress,
  decodeLink,
  decodeNeighbour,
  encodeAddress,
  encodeNeighbour,
} from '../../../lb/netlink/rtnetlink.ts';

const bytes = fc.uint8Array({ maxLength: 40 }).map((array) => Buffer.from(array));

t.test('messages come out as they went in, several in one datagram', async () => {
  const message = fc.record({
    type: fc.nat(65_535),
    flags: fc.nat(65_535),
    seq: fc.nat(),
    payload: bytes,
  });
  fc.assert(
    fc.property(fc.array(message, { maxLength: 6 }), (messages) => {
      const datagram = Buffer.concat(
        messages.map(({ type, flags, seq, payload }) => encodeMessage(type, flags, seq, payload)),
      );
      const show = (list: readonly { payload: Buffer }[]): string =>
        JSON.stringify(list.map((each) => ({ ...each, payload: each.payload.toString('hex') })));
      return show(decodeMessages(datagram)) === show(messages);
    }),
  );
});

t.test('attributes come out as they went in', async () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.tuple(fc.nat(16_383), bytes), { selector: ([type]) => type, maxLength: 6 }),
      (list) => {
        const payload = Buffer.concat([Buffer.alloc(8), ...list.map(([type, value]) => encodeAttribute(type, value))]);
        const found = decodeAttributes(payload, 8);
        return found.size === list.length && list.every(([type, value]) => found.get(type)?.equals(value) === true);
      },
    ),
  );
});

t.test('what is cut off or lies about its length ends the list, and nothing throws', async (t) => {
  const whole = encodeMessage(20, 0, 7, Buffer.from('payload'));
  t.equal(decodeMessages(Buffer.concat([whole, whole.subarray(0, 20)])).length, 1);
  const liar = Buffer.from(whole);
  liar.writeUInt32LE(3, 0);
  t.same(decodeMessages(liar), []);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200, size: 'max' }), (array) => {
      const datagram = Buffer.from(array);
      decodeMessages(datagram);
      decodeAttributes(datagram, 0);
      if (datagram.length < 16) return true;
      decodeLink(datagram);
      decodeAddress(datagram);
      decodeNeighbour(datagram);
      return true;
    }),
    { numRuns: 500 },
  );
});

t.test('addresses and neighbours as the kernel reads them', async (t) => {
  t.equal(
    encodeAddress(3, '10.9.0.7', 0x50).toString('hex'),
    '02200000' + '03000000' + '08000200' + '0a090007' + '08000100' + '0a090007' + '05000b00' + '50000000',
  );
  t.match(decodeAddress(encodeAddress(3, 'fd00:9::7', 0x50)), {
    index: 3,
    address: 'fd00:9::7',
    prefixLength: 128,
    tag: 0x50,
    isTentative: false,
    isDuplicate: false,
  });
  t.equal(
    encodeNeighbour(3, '10.9.0.8', { isUsed: true }).toString('hex'),
    '02000000' + '03000000' + '0000' + '0100' + '08000100' + '0a090008',
  );
  t.match(decodeNeighbour(encodeNeighbour(3, '10.9.0.8', { isUsed: false })), {
    index: 3,
    address: '10.9.0.8',
    linkAddress: undefined,
    isPermanent: false,
  });
  const tentative = Buffer.concat([
    Buffer.from([10, 64, 0, 0, 2, 0, 0, 0]),
    encodeAttribute(1, Buffer.from('fd00000900000000000000000000000a', 'hex')),
    encodeAttribute(8, Buffer.from([0x48, 2, 0, 0])),
  ]);
  t.match(decodeAddress(tentative), { address: 'fd00:9::a', tag: 0, isTentative: true, isDuplicate: true });
  t.equal(decodeAddress(Buffer.from([28, 0, 0, 0, 1, 0, 0, 0])), undefined, 'not IP');
  const answered = Buffer.concat([
    Buffer.from([2, 0, 0, 0, 3, 0, 0, 0, 2, 0, 0, 1]),
    encodeAttribute(1, Buffer.from([10, 9, 0, 8])),
    encodeAttribute(2, Buffer.from([2, 0x42, 0, 0, 0, 0x99])),
  ]);
  t.match(decodeNeighbour(answered), { linkAddress: '02:42:00:00:00:99' });
});
