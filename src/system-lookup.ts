import { readFileSync } from 'node:fs';
import type { Clock } from '../lb/clock.ts';
import { createDnsLookup } from '../lb/dns/dns-lookup.ts';
import type { Lookup } from '../lb/dns/lookup.ts';

const HOSTS = '/etc/hosts';

/** Looks names up as this machine does: in its /etc/hosts first. */
export function systemLookup(clock: Clock): Lookup {
  return createDnsLookup({
    clock,
    hosts: () => {
      try {
        return readFileSync(HOSTS, 'utf8');
      } catch {
        return '';
      }
    },
  });
}
