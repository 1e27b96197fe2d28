import { execFileSync } from 'node:child_process';
import t from 'tap';
import { openCounterDump } from '../../../lb/netlink/counter-dump.ts';
import { enterNamespace } from '../../fixtures/netns.ts';

const skip = enterNamespace(import.meta.url) ?? false;
/** More than one reading of the kernel holds. */
const COUNT = 900;

t.test('the counters of one table, and of no other; none of one that is not there', { skip }, async (t) => {
  const packets = Array.from({ length: COUNT }, (_, i) => [`c${i}`, i * 10_000_000_000] as const);
  const rules = `table inet mine {
  quota q { 10 mbytes }
${packets.map(([name, count]) => `  counter ${name} { packets ${count} bytes 7 }`).join('\n')}
}
table inet other { counter c1 { packets 5 bytes 5 }; counter d { packets 6 bytes 6 }; }
table ip mine { counter e { packets 7 bytes 7 }; }
`;
  execFileSync('nft', ['-f', '-'], { input: rules });
  const dump = openCounterDump();
  t.same([...dump.read('mine')].sort(), [...packets].sort());
  t.same(Object.fromEntries(dump.read('other')), { c1: 5, d: 6 });
  t.equal(dump.read('none').size, 0);
  dump.close();
  dump.close();
  t.throws(() => dump.read('mine'), { message: /cannot be read \(EBADF\)/ });
});
