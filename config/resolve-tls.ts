import { resolve as resolvePath } from 'node:path';
import { orderedCertificates } from './resolve-acme.ts';
import { duration, type LoadContext } from './resolve-values.ts';
import type { ConfigFile } from './schema.ts';
import type { BackendTlsConfig, ListenerTlsConfig } from './tls-config.ts';

type ListenerTls = NonNullable<ConfigFile['listeners'][number]['tls']>;
type BackendTls = NonNullable<ConfigFile['backends'][number]['tls']>;

const HSTS_SECONDS = 63_072_000; // two years, what the preload lists ask for at least twice over

export function resolveListenerTls(
  tls: ListenerTls,
  acme: ConfigFile['acme'],
  context: LoadContext,
): ListenerTlsConfig {
  const { directory } = context;
  const auth = tls.client_auth;
  return {
    certificates: [
      ...(tls.certificates ?? []).map(({ cert, key, ocsp, hosts }) => ({
        cert: resolvePath(directory, cert),
        key: resolvePath(directory, key),
        ...(ocsp === undefined ? {} : { ocsp: resolvePath(directory, ocsp) }),
        ...(hosts === undefined ? {} : { hosts: hosts.map((host) => host.toLowerCase()) }),
      })),
      ...orderedCertificates(tls.acme ?? [], acme, context),
    ],
    minVersion: tls.ciphers === 'modern' ? '1.3' : (tls.min_version ?? '1.2'),
    ciphers: tls.ciphers ?? 'intermediate',
    handshakeMs: duration(tls.handshake_timeout, '10s'),
    ...(auth === undefined
      ? {}
      : {
          clientAuth: {
            ca: resolvePath(directory, auth.ca),
            isRequired: auth.mode !== 'request',
            ...(auth.header === undefined ? {} : { header: auth.header }),
          },
        }),
    protocols: tls.alpn ?? [],
    earlyData: tls.early_data ?? false,
  };
}

export function resolveBackendTls(tls: BackendTls, { directory }: LoadContext): BackendTlsConfig {
  const { server_name: serverName, ca, cert, key } = tls;
  return {
    ...(serverName === undefined ? {} : { serverName }),
    isVerified: tls.verify ?? true,
    ...(ca === undefined ? {} : { ca: resolvePath(directory, ca) }),
    ...(cert === undefined || key === undefined
      ? {}
      : { pair: { cert: resolvePath(directory, cert), key: resolvePath(directory, key) } }),
    minVersion: tls.min_version ?? '1.2',
  };
}

/** The change to answers that HSTS is (RFC 6797 §6.1). */
export function hstsEdits(tls: ListenerTls | undefined): { readonly set: Record<string, string> } | undefined {
  const hsts = tls?.hsts;
  if (hsts === undefined) return undefined;
  const parts = [
    `max-age=${hsts.max_age ?? HSTS_SECONDS}`,
    ...(hsts.include_subdomains === true ? ['includeSubDomains'] : []),
    ...(hsts.preload === true ? ['preload'] : []),
  ];
  return { set: { 'Strict-Transport-Security': parts.join('; ') } };
}
