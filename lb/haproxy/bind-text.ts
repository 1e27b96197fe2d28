import type { ListenerConfig } from '../../config/config.ts';
import { CIPHER_LISTS } from '../tls/cipher-lists.ts';
import { modeOf } from './haproxy-plan.ts';
import { quote } from './quote.ts';
import type { TlsPlaces } from './tls-files.ts';

/** What clients of HTTP are offered, the best first. */
const HTTP_PROTOCOLS = ['h2', 'http/1.1'];

/** `::` takes IPv4 clients, too, as the kernel has it for everyone else. */
export function bindText(listener: ListenerConfig, places: TlsPlaces): string[] {
  const { host, port } = listener;
  const place = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  return [[`bind ${place}`, ...(host === '::' ? ['v4v6'] : []), ...tlsWords(listener, places)].join(' ')];
}

function tlsWords(listener: ListenerConfig, places: TlsPlaces): string[] {
  const { tls } = listener;
  if (tls === undefined) return [];
  const { ciphers, suites, groups } = CIPHER_LISTS[tls.ciphers];
  const isHttp = modeOf(listener) === 'http';
  const protocols = isHttp && tls.protocols.length === 0 ? HTTP_PROTOCOLS : tls.protocols;
  return [
    'ssl',
    `crt-list ${quote(places.list(listener))}`,
    ...(protocols.length === 0 ? [] : [`alpn ${quote(protocols.join(','))}`]),
    `ssl-min-ver TLSv${tls.minVersion}`,
    `ciphers ${ciphers}`,
    `ciphersuites ${suites}`,
    `curves ${groups}`,
    ...(tls.clientAuth === undefined
      ? []
      : [
          `ca-file ${quote(places.authorities(tls.clientAuth.ca))}`,
          `verify ${tls.clientAuth.isRequired ? 'required' : 'optional'}`,
        ]),
  ];
}
