import fc from 'fast-check';
import t from 'tap';
import { LineBuffer } from '../../../lb/access-log/line-buffer.ts';

const written = (write: (line: LineBuffer) => void): string => {
  const line = new LineBuffer(4096);
  write(line);
  return line.bytes.latin1Slice(0, line.end);
};

t.test('numbers', async (t) => {
  const integers = [0, 1, 9, 10, 99, 100, 12_345, 2 ** 31, 2 ** 53 - 1];
  for (const value of integers)
    t.equal(
      written((line) => line.putInteger(value)),
      String(value),
    );
  const times: [number, string][] = [
    [0, '0.000'],
    [-0.0001, '0.000'],
    [0.0004, '0.000'],
    [0.0005, '0.001'],
    [1.5, '1.500'],
    [59.9996, '60.000'],
    [123_456.789, '123456.789'],
  ];
  for (const [value, expected] of times)
    t.equal(
      written((line) => line.putMilliseconds(value)),
      expected,
    );
});

t.test('whatever the bytes, JSON reads them back', async () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const text = written((line) => line.putEscaped(bytes, 0, bytes.length, 1000, 'json'));
      return JSON.parse(`"${text}"`) === Buffer.from(bytes).toString('latin1') && !/[\n\r]/.test(text);
    }),
  );
});

t.test('Apache’s escapes leave no quote and no line end, and can be undone', async (t) => {
  t.equal(
    written((line) => line.putEscaped(Buffer.from('a"\\\n\u00e9', 'latin1'), 0, 5, 9, 'apache')),
    'a\\"\\\\\\x0a\\xe9',
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const text = written((line) => line.putEscaped(bytes, 0, bytes.length, 1000, 'apache'));
      const back = text.replace(/\\(?:x([0-9a-f]{2})|(.))/g, (_, hex, plain) =>
        plain === undefined ? String.fromCharCode(Number.parseInt(hex, 16)) : plain,
      );
      return back === Buffer.from(bytes).toString('latin1') && /^[ -~]*$/.test(text);
    }),
  );
});

t.test('long parts are cut', async (t) => {
  t.equal(
    written((line) => line.putEscaped(Buffer.from('abcdef'), 1, 6, 3, 'json')),
    'bcd',
  );
});
