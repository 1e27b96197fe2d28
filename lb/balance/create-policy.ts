import type { BackendConfig } from '../../config/config.ts';
import { boundedLoad } from './bounded-load.ts';
import { hash } from './hash.ts';
import { leastConnections } from './least-connections.ts';
import { maglev } from './maglev.ts';
import { peakEwma } from './peak-ewma.ts';
import type { Candidate, Policy } from './policy.ts';
import { randomTwo } from './random-two.ts';
import { roundRobin } from './round-robin.ts';

/** A policy has state worth keeping as long as it would be made in the same way. */
export function keepsPolicy(before: BackendConfig, after: BackendConfig): boolean {
  return before.balance === after.balance && before.hashBalancePercent === after.hashBalancePercent;
}

/** The policy of that name, with state of its own. `hashBalancePercent` bounds the load of those that hash; 0 does not. */
export function createPolicy<C extends Candidate>(
  name: BackendConfig['balance'],
  { hashBalancePercent = 0 }: Partial<Pick<BackendConfig, 'hashBalancePercent'>> = {},
): Policy<C> {
  switch (name) {
    case 'round-robin':
      return roundRobin();
    case 'least-connections':
      return leastConnections();
    case 'random-two':
      return randomTwo();
    case 'peak-ewma':
      return peakEwma();
    case 'hash':
      return hashBalancePercent === 0 ? hash() : boundedLoad(hash(), hashBalancePercent);
    case 'maglev':
      return hashBalancePercent === 0 ? maglev() : boundedLoad(maglev(), hashBalancePercent);
    default:
      return name satisfies never;
  }
}
