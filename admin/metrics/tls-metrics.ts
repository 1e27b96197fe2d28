import type { TlsMetrics } from '../../lb/metrics/plane-metrics.ts';
import type { Status } from '../admin-source.ts';
import { counter, gauge, type Metric } from './metric.ts';

/** Handshakes, how long certificates are good for, and what came of orders for them. */
export function tlsMetrics(
  tls: readonly TlsMetrics[],
  { certificates = [], orders }: Pick<Status, 'certificates' | 'orders'>,
): Metric[] {
  const of = ({ side, name }: TlsMetrics): Record<string, string> =>
    side === 'listener' ? { listener: name, backend: '' } : { listener: '', backend: name };
  return [
    counter(
      'portico_tls_handshakes_total',
      'TLS handshakes with clients and servers',
      tls.flatMap((each) =>
        each.handshakes.map(({ version, kind, count }) => [{ ...of(each), version, kind }, count] as const),
      ),
    ),
    counter(
      'portico_tls_ciphers_total',
      'TLS handshakes by the cipher suite that was agreed on',
      tls.flatMap((each) => each.handshakes.map(({ cipher, count }) => [{ ...of(each), cipher }, count] as const)),
    ),
    counter(
      'portico_tls_failures_total',
      'TLS handshakes that came to nothing',
      tls.flatMap((each) => each.failures.map(({ reason, count }) => [{ ...of(each), reason }, count] as const)),
    ),
    gauge(
      'portico_tls_certificate_expiry_seconds',
      'When each certificate expires, in seconds since 1970',
      certificates.map(({ listener, file, expiresAtMs }) => [{ listener, certificate: file }, expiresAtMs / 1000]),
    ),
    counter(
      'portico_acme_orders_total',
      'Certificates that were ordered by ACME, by what came of it',
      Object.entries(orders ?? {}).map(([outcome, count]) => [{ outcome }, count] as const),
    ),
  ];
}
