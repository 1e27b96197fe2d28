import t from 'tap';
import { plainDemand } from '../../../src/system/demand.ts';
import { Machine } from '../../../src/system/machine.ts';
import { readNftables, readNftablesMeanwhile } from '../../../src/system/nftables.ts';
import { inspect } from '../../../src/system/report.ts';
import { enterNamespace, sh } from '../../fixtures/netns.ts';
import { removeRoot, scratchRoot } from '../../fixtures/scratch-machine.ts';

const skip = enterNamespace(import.meta.url) ?? false;

/** What `portico check` says of the machine, of a config with a listener of the kernel engine. */
const look = (machine = new Machine(), engine: 'kernel' | 'http' = 'kernel') => {
  const { findings } = inspect(machine, plainDemand(1000, { engines: new Set([engine]), forwardsSix: true }), {
    cpuCount: 1,
    isRoot: true,
  });
  return (id: string) => findings.find((finding) => finding.id === id)!;
};

t.test('a firewall that drops what it does not know, and nftables itself', { skip }, async (t) => {
  t.match(look()('forward'), { severity: 'pass', current: 'none' });
  t.match(look()('nftables'), { severity: 'pass', current: /^\d+\.\d+/ });
  sh('sysctl -qw net.ipv6.conf.all.forwarding=0');
  t.match(look()('net.ipv6.conf.all.forwarding'), { severity: 'fail', wanted: '1' });
  // As Docker's and as one by hand.
  sh('nft add table ip filter');
  sh('nft add chain ip filter FORWARD { type filter hook forward priority 0 ; policy drop ; }');
  sh('nft add table inet guard');
  sh('nft add chain inet guard pass { type filter hook forward priority 10 ; policy drop ; }');
  sh('nft add chain inet guard in { type filter hook input priority 0 ; policy drop ; }');
  const closed = look()('forward');
  t.match(closed, {
    severity: 'warn',
    current: 'ip filter FORWARD, inet guard pass',
    commands: [
      'nft insert rule ip filter FORWARD ct status dnat accept',
      'nft insert rule inet guard pass ct status dnat accept',
    ],
  });
  t.match(readNftables(new Machine()), { closed: [{ name: 'FORWARD' }, { name: 'pass' }] });
  t.same(await readNftablesMeanwhile(new Machine()), readNftables(new Machine()), 'the same without waiting');
  for (const command of closed.commands) sh(command);
  t.match(look()('forward'), { severity: 'pass' }, 'after what it says was done');
});

t.test('where there is nothing to ask', async (t) => {
  const root = scratchRoot();
  t.teardown(() => removeRoot(root));
  t.match(look(new Machine(root))('forward'), { severity: 'skip', formula: 'cannot be read here' });
  t.match(look(new Machine(), 'http')('nftables'), { severity: 'skip', formula: 'no listener uses the kernel engine' });
  const answers = (trouble: string) => readNftables(new Machine(), () => ({ listed: [], trouble }));
  t.same(answers('ENOENT'), { version: undefined, trouble: undefined, closed: [] });
  t.match(answers('nftables v1.0.1 (Fearless Fosdick #3)'), { version: '1.0.1' }, 'without the privilege');
});
