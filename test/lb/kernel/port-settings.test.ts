import t from 'tap';
import { parsePortList, parsePortRange, readPortSettings } from '../../../lb/kernel/port-settings.ts';

t.test('parsePortRange', async (t) => {
  t.strictSame(parsePortRange('32768\t60999\n'), { low: 32_768, high: 60_999 });
  t.strictSame(parsePortRange('1024 1024'), { low: 1024, high: 1024 });
  for (const text of ['', '5', '9 8', '1 65536', 'a b', '1 2 3', '-1 5'])
    t.equal(parsePortRange(text), undefined, text);
});

t.test('parsePortList', async (t) => {
  t.strictSame(parsePortList('\n'), []);
  t.strictSame(parsePortList('8080,9000-9010\n'), [
    { low: 8080, high: 8080 },
    { low: 9000, high: 9010 },
  ]);
  t.strictSame(
    parsePortList('20-30,1-2,25-40,3,41'),
    [
      { low: 1, high: 3 },
      { low: 20, high: 41 },
    ],
    'in order, joined',
  );
  for (const text of [',', '1,', 'x', '5-4', '70000', '1--2']) t.equal(parsePortList(text), undefined, text);
});

t.test('readPortSettings', async (t) => {
  const files: Record<string, string> = {
    '/proc/sys/net/ipv4/ip_local_port_range': '10000\t20000\n',
    '/proc/sys/net/ipv4/ip_local_reserved_ports': '15000-15010\n',
  };
  t.strictSame(
    readPortSettings((path) => files[path]!),
    { local: { low: 10_000, high: 20_000 }, reserved: [{ low: 15_000, high: 15_010 }] },
  );
  const unreadable = (): string => {
    throw new Error('EACCES');
  };
  t.strictSame(readPortSettings(unreadable), { local: { low: 32_768, high: 60_999 }, reserved: [] });
  const { local } = readPortSettings();
  t.ok(local.low <= local.high, 'this machine');
});
