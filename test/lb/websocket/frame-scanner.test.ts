import fc from 'fast-check';
import t from 'tap';
import { FrameScanner } from '../../../lb/websocket/frame-scanner.ts';

interface Frame {
  readonly final: boolean;
  readonly opcode: number;
  readonly masked: boolean;
  readonly length: number;
}

function encode({ final, opcode, masked, length }: Frame): Buffer {
  const long =
    length < 126
      ? []
      : length < 65_536
        ? [length >> 8, length & 255]
        : [0, 0, 0, 0, length >>> 24, (length >> 16) & 255, (length >> 8) & 255, length & 255];
  const marker = length < 126 ? length : length < 65_536 ? 126 : 127;
  return Buffer.concat([
    Buffer.from([(final ? 0x80 : 0) | opcode, (masked ? 0x80 : 0) | marker, ...long, ...(masked ? [1, 2, 3, 4] : [])]),
    Buffer.alloc(length, 0x88),
  ]);
}

const frame = fc.record({
  final: fc.boolean(),
  opcode: fc.constantFrom(0, 1, 2),
  masked: fc.boolean(),
  length: fc.oneof(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 65_500, max: 66_000 })),
});

t.test('however the bytes are cut, the scanner ends between frames', async () => {
  fc.assert(
    fc.property(
      fc.array(frame, { minLength: 1, maxLength: 6 }),
      fc.array(fc.integer({ min: 1, max: 5000 }), { minLength: 1 }),
      (frames, cuts) => {
        const bytes = Buffer.concat(frames.map(encode));
        const scanner = new FrameScanner(Number.POSITIVE_INFINITY);
        for (let at = 0, cut = 0; at < bytes.length; cut++) {
          const next = Math.min(bytes.length, at + cuts[cut % cuts.length]!);
          if (!scanner.scan(bytes, at, next)) return false;
          at = next;
        }
        return scanner.isBetweenFrames;
      },
    ),
    { numRuns: 200 },
  );
});

t.test('a message is measured over its fragments, and control frames do not count', async (t) => {
  const limit = 1000;
  const feed = (frames: Frame[]): boolean => {
    const bytes = Buffer.concat(frames.map(encode));
    return new FrameScanner(limit).scan(bytes, 0, bytes.length);
  };
  const part = (length: number, final: boolean, opcode = 0): Frame => ({ final, opcode, masked: true, length });
  t.equal(feed([part(1000, true, 2)]), true);
  t.equal(feed([part(1001, true, 2)]), false);
  t.equal(feed([part(600, false, 2), part(125, true, 9), part(400, true)]), true);
  t.equal(feed([part(600, false, 2), part(401, true)]), false);
  t.equal(feed([part(900, true, 2), part(900, true, 2)]), true, 'the count starts anew with each message');
});
