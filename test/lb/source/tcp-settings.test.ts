import t from 'tap';
import { isLoopbackAddress, readQuarantineMs } from '../../../lb/source/tcp-settings.ts';

t.test('the quarantine is what the kernel keeps TIME_WAIT ports for', async (t) => {
  const read = (reuse: string, timestamps: string) => (path: string) =>
    path.endsWith('tcp_tw_reuse') ? reuse : timestamps;
  const cases: [string, string, boolean, number][] = [
    ['1\n', '1\n', false, 1000],
    ['1\n', '0\n', false, 60_000],
    ['2\n', '1\n', true, 1000],
    ['2\n', '1\n', false, 60_000],
    ['0\n', '1\n', true, 60_000],
  ];
  for (const [reuse, timestamps, isLoopback, expected] of cases) {
    t.equal(
      readQuarantineMs(isLoopback, read(reuse, timestamps)),
      expected,
      `tcp_tw_reuse ${reuse.trim()}, timestamps ${timestamps.trim()}`,
    );
  }
  const refuse = (): string => {
    throw new Error('EACCES');
  };
  t.equal(readQuarantineMs(true, refuse), 60_000, 'cautious where it cannot be read');
});

t.test('loopback addresses', async (t) => {
  t.same(['127.0.0.1', '127.9.9.9', '::1', '10.0.0.1', '::2'].map(isLoopbackAddress), [true, true, true, false, false]);
});
