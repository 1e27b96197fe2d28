import { isOlder, OLDEST } from '../../../lb/nat/nft-version.ts';
import type { Nftables } from '../nftables.ts';
import type { Context, Judgement, Setting } from '../setting.ts';

const NOT_NEEDED = 'no listener uses the kernel engine';

const skipped = (formula: string): Judgement => ({
  severity: 'skip',
  current: undefined,
  wanted: '',
  formula,
  changes: [],
});

/** `judge`: of a machine on which the kernel forwards. */
function whereForwarding(judge: (nftables: Nftables) => Omit<Judgement, 'changes'>) {
  return (context: Context): Judgement => {
    if (!context.demand.engines.has('kernel')) return skipped(NOT_NEEDED);
    const nftables = context.nftables();
    return nftables === undefined ? skipped('cannot be read here') : { ...judge(nftables), changes: [] };
  };
}

export const nftablesSettings: readonly Setting[] = [
  {
    id: 'nftables',
    title: 'nftables',
    why: 'the kernel engine writes its rules through the library of this package',
    ifLeft: 'listeners of the kernel engine do not start',
    risk: 'none',
    judge: whereForwarding(({ version }) => {
      const wanted = `at least ${OLDEST.join('.')}`;
      const formula = 'a listener uses the kernel engine';
      const isFit = version !== undefined && !isOlder(version);
      const current = version ?? 'not installed';
      if (isFit) return { severity: 'pass', current, wanted, formula };
      return { severity: 'fail', current, wanted, formula, manual: ['apt install nftables'] };
    }),
  },
  {
    id: 'forward',
    title: 'others’ firewall',
    why: 'a chain of forward that drops what it does not know (Docker, firewalld, a firewall by hand) also drops what the kernel engine forwards',
    ifLeft: 'connections of the kernel engine get no answer, and nobody is told',
    risk: 'what any program translates to another machine is let through',
    judge: whereForwarding(({ closed, trouble, version }) => {
      const wanted = 'none that drops';
      const formula = 'chains of the hook forward with the policy drop';
      if (version === undefined) return skipped('nftables is not there');
      if (trouble !== undefined) return skipped(`cannot be read: ${trouble}`);
      if (closed.length === 0) return { severity: 'pass', current: 'none', wanted, formula };
      return {
        severity: 'warn',
        current: closed.map(({ family, table, name }) => `${family} ${table} ${name}`).join(', '),
        wanted,
        formula,
        detail: 'its own rules may let it through all the same: Portico looks for "ct status dnat accept" alone',
        manual: closed.map(
          ({ family, table, name }) => `nft insert rule ${family} ${table} ${name} ct status dnat accept`,
        ),
      };
    }),
  },
];
