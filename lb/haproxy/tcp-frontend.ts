import type { ListenerConfig } from '../../config/config.ts';
import { parseHostPattern } from '../../config/host-pattern.ts';
import { orNever } from './backend-text.ts';
import { bindText } from './bind-text.ts';
import { frontendName, proxyName } from './haproxy-plan.ts';
import { quote } from './quote.ts';
import type { TlsPlaces } from './tls-files.ts';

/** The section of a listener that passes bytes on; its routes are by the name that a TLS client asks for. */
export function tcpFrontend(listener: ListenerConfig, places: TlsPlaces): string[] {
  const { name, routes, limits, tcp, timeouts, forwarding, hasProxyHeaders, tls } = listener;
  const isCounted = Number.isFinite(limits.connectionsPerClient);
  return [
    `frontend ${frontendName(name)}`,
    ...[
      'mode tcp',
      ...bindText(listener, places),
      ...(Number.isFinite(limits.connections) ? [`maxconn ${limits.connections}`] : []),
      `timeout client ${orNever(tcp.idleMs)}`,
      ...(hasProxyHeaders
        ? [
            ...(forwarding?.trusted ?? []).map(({ address, prefix }) => `acl trusted src ${address}/${prefix}`),
            'tcp-request connection expect-proxy layer4 if trusted',
          ]
        : []),
      ...(isCounted
        ? [
            'stick-table type ipv6 size 1m expire 10m store conn_cur',
            'tcp-request session track-sc0 src',
            `tcp-request session reject if { sc0_conn_cur gt ${limits.connectionsPerClient} }`,
          ]
        : []),
      // The name is known when TLS ends here; of TLS that is passed on it has to be read.
      ...(tls === undefined && routes.some(({ host }) => host !== undefined)
        ? [
            `tcp-request inspect-delay ${timeouts.headerMs}ms`,
            'tcp-request content accept if { req.ssl_hello_type 1 }',
            // The first byte of a TLS record that carries a handshake (RFC 8446 §5.1): anything else is not TLS, and has no name to wait for.
            'tcp-request content accept if { req.payload(0,1),hex -m found } !{ req.payload(0,1),hex -m str 16 }',
          ]
        : []),
      ...routes.map(({ host, backend }) => {
        const target = `use_backend ${proxyName(backend!, 'tcp')}`;
        if (host === undefined) return target;
        const { name: pattern, isWildcard } = parseHostPattern(host)!;
        return `${target} if { ${tls === undefined ? 'req.ssl_sni' : 'ssl_fc_sni'},lower -m ${isWildcard ? 'end' : 'str'} -- ${quote(pattern)} }`;
      }),
    ].map((line) => `  ${line}`),
  ];
}
