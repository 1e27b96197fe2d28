import type { BackendConfig } from '../../config/config.ts';
import type { HaproxyServer } from './haproxy-plan.ts';
import { quote } from './quote.ts';
import type { TlsPlaces } from './tls-files.ts';

/** How HAProxy speaks TLS to the servers of a backend, as words of their lines. `isCheck`: of lines that are only checked. */
export function serverTlsWords(
  { tls }: BackendConfig,
  { host, name }: Pick<HaproxyServer, 'host' | 'name'>,
  places: TlsPlaces,
  { isCheck = false }: { readonly isCheck?: boolean } = {},
): string[] {
  if (tls === undefined) return [];
  const { serverName = name, isVerified, ca, pair, minVersion } = tls;
  return [
    'ssl',
    `ssl-min-ver TLSv${minVersion}`,
    // Without "verifyhost" any certificate of the authority would do. HAProxy finds no addresses in certificates: one without a name is refused.
    ...(isVerified
      ? [`verify required ca-file ${quote(places.authorities(ca))} verifyhost ${quote(serverName ?? host)}`]
      : ['verify none']),
    ...(serverName === undefined
      ? []
      : isCheck
        ? [`check-sni ${quote(serverName)}`]
        : [`sni ${quote(`str(${serverName})`)}`]),
    ...(pair === undefined ? [] : [`crt ${quote(places.pair(pair))}`]),
  ];
}
