import type { NameStatus } from '../admin-source.ts';
import { counter, gauge, type Metric, type Sample } from './metric.ts';

/** Of the names of servers; there are as many as the config has. */
export function dnsMetrics(names: readonly NameStatus[]): Metric[] {
  return [
    counter(
      'portico_dns_lookups_total',
      'Lookups of names of servers, by what came of them; after all but found the addresses of before are used on',
      names.flatMap(({ name, lookups }) =>
        Object.entries(lookups).map(([outcome, count]): Sample => [{ name, outcome }, count]),
      ),
    ),
    gauge(
      'portico_dns_failing',
      '1 if the last lookup of the name brought no address',
      names.map(({ name, failure }) => [{ name }, failure === undefined ? 0 : 1]),
    ),
    gauge(
      'portico_dns_addresses',
      'Addresses that the name stands for',
      names.map(({ name, addresses }) => [{ name }, addresses.length]),
    ),
    gauge(
      'portico_dns_addresses_left_out',
      'Addresses of the last answers that are not used: unusable, or more than resolver.max_addresses',
      names.flatMap(({ name, leftOut }) =>
        Object.entries(leftOut).map(([reason, count]): Sample => [{ name, reason }, count]),
      ),
    ),
  ];
}
