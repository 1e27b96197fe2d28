import type { Config, SourcePoolConfig } from './config.ts';
import type { Finding } from './finding.ts';

/** Addresses that two pools have with the same ports: each would think of them as its own. One that is claimed has one owner. */
export function checkOverlaps({ sources }: Config): Finding[] {
  const findings: Finding[] = [];
  const holders = new Map<string, SourcePoolConfig[]>();
  sources.forEach((pool, i) => {
    let isTold = false;
    for (const address of pool.addresses) {
      const others = holders.get(address) ?? [];
      const other = others.find((each) => shares(each, pool));
      if (other !== undefined && !isTold) {
        isTold = true;
        const message =
          pool.claim || other.claim
            ? `${address} is in pool "${other.name}" as well; an address that is claimed can be in one pool only`
            : `${address} is in pool "${other.name}" with the same ports as well; give the pools different addresses or "ports"`;
        findings.push({ path: ['sources', i, 'addresses'], message });
      }
      holders.set(address, [...others, pool]);
    }
  });
  return findings;
}

function shares(a: SourcePoolConfig, b: SourcePoolConfig): boolean {
  return a.claim || b.claim || (a.ports.low <= b.ports.high && b.ports.low <= a.ports.high);
}
