import t from 'tap';
import { usableRanges } from '../../../lb/source/usable-ranges.ts';

const ports = { low: 1024, high: 65_535 };
const settings = {
  local: { low: 32_768, high: 60_999 },
  reserved: [
    { low: 8080, high: 8080 },
    { low: 40_000, high: 49_999 },
  ],
};
const show = (runs: readonly { first: number; last: number }[]): string =>
  runs.map(({ first, last }) => `${first}-${last}`).join(' ');

t.test('what may be used of an address', async (t) => {
  const cases: [address: string, claim: boolean, reservedPorts: 'avoid' | 'use', expected: string][] = [
    ['10.0.0.1', true, 'avoid', '1024-65535'],
    ['127.0.1.1', false, 'avoid', '1024-65535'],
    ['10.0.0.1', false, 'avoid', '1024-32767 61000-65535'],
    ['127.0.0.1', false, 'avoid', '1024-32767 61000-65535'],
    ['::1', false, 'avoid', '1024-32767 61000-65535'],
    ['10.0.0.1', false, 'use', '1024-32767 40000-49999 61000-65535'],
  ];
  for (const [address, claim, reservedPorts, expected] of cases)
    t.equal(
      show(usableRanges({ ports, claim, reservedPorts }, address, settings)),
      expected,
      `${address} ${claim} ${reservedPorts}`,
    );
  const narrow = { ports: { low: 39_990, high: 40_009 }, claim: false };
  t.equal(show(usableRanges({ ...narrow, reservedPorts: 'avoid' }, '10.0.0.1', settings)), '');
  t.equal(show(usableRanges({ ...narrow, reservedPorts: 'use' }, '10.0.0.1', settings)), '40000-40009');
});
