import fc from 'fast-check';
import t from 'tap';
import { TextBuffer } from '../../admin/metrics/text-buffer.ts';

t.test('is what its pieces are, one after the other', async (t) => {
  const piece = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 3000 }),
    fc.maxSafeNat(),
    fc.constantFrom(0, 9, 10, 99, 100, 1e9, 9_999_999_999, 1e10),
    fc.double({ noNaN: true }),
    fc.string({ unit: 'grapheme' }).map((text) => Buffer.from(text)),
  );
  fc.assert(
    fc.property(fc.array(piece), fc.nat(10_000), (pieces, expectedBytes) => {
      const written = new TextBuffer(expectedBytes);
      for (const each of pieces) {
        if (typeof each === 'string') written.addText(each);
        else if (typeof each === 'number') written.addNumber(each);
        else written.addBytes(each);
      }
      const expected = Buffer.concat(pieces.map((each) => (Buffer.isBuffer(each) ? each : Buffer.from(String(each)))));
      return expected.equals(written.finish());
    }),
  );
  t.equal(new TextBuffer().finish().length, 0);
});
