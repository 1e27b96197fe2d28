import type { BackendConfig } from '../../config/config.ts';
import { hash } from './hash.ts';
import { leastConnections } from './least-connections.ts';
import type { Candidate, Policy } from './policy.ts';
import { randomTwo } from './random-two.ts';
import { roundRobin } from './round-robin.ts';

/** The policy of that name, with state of its own. */
export function createPolicy<C extends Candidate>(name: BackendConfig['balance']): Policy<C> {
  switch (name) {
    case 'round-robin':
      return roundRobin();
    case 'least-connections':
      return leastConnections();
    case 'random-two':
      return randomTwo();
    case 'hash':
      return hash();
    default:
      return name satisfies never;
  }
}
