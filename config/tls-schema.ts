import { choice, closed, count, duration, flag, optional } from './schema-parts.ts';
import { Type } from './typebox.ts';

export const ListenerTls = Type.Object(
  {
    certificates: optional(
      Type.Array(
        Type.Object(
          {
            cert: Type.String({ description: 'PEM file of the certificate chain' }),
            key: Type.String({ description: 'PEM file of the key' }),
            ocsp: optional(
              Type.String({
                description:
                  'DER file of an OCSP response about it, to be sent along (stapled); watched, so whatever renews it need only replace it',
              }),
            ),
            hosts: optional(
              Type.Array(Type.String(), {
                minItems: 1,
                description:
                  'Names that it is for, *.example.com for one label. Absent: those that the certificate has',
              }),
            ),
          },
          closed,
        ),
        {
          minItems: 1,
          description:
            'What it proves itself with; the first is for clients that give no name. For one name there may be one of each kind of key',
        },
      ),
    ),
    acme: optional(
      Type.Array(Type.String(), {
        minItems: 1,
        description:
          'Names to order certificates for, one for each; they come after `certificates`. Needs `acme` at the top',
      }),
    ),
    min_version: optional(choice('Lowest TLS version', ['1.2', '1.3'], '1.2')),
    ciphers: optional(
      choice(
        'Of the lists that Mozilla publishes; modern is TLS 1.3 alone',
        ['intermediate', 'modern'],
        'intermediate',
      ),
    ),
    handshake_timeout: duration('From a connection to the end of its handshake', '10s'),
    client_auth: optional(
      Type.Object(
        {
          ca: Type.String({ description: 'PEM file of those who may sign certificates of clients' }),
          mode: optional(choice('Whether a client may come without one', ['require', 'request'], 'require')),
          header: optional(
            Type.String({
              pattern: "^[!#$%&'*+.^`|~0-9A-Za-z-]+$",
              description:
                'Name of a field that tells servers the subject of the verified certificate (RFC 2253); what clients say in it is dropped. http and haproxy engines',
            }),
          ),
        },
        { ...closed, description: 'Ask clients for a certificate' },
      ),
    ),
    alpn: optional(
      Type.Array(Type.String({ pattern: '^[!-~]{1,255}$' }), {
        description:
          'Protocols to agree on, the best first; tcp engine, and haproxy, which in http mode offers h2 and http/1.1. The http engine speaks http/1.1',
      }),
    ),
    hsts: optional(
      Type.Object(
        {
          max_age: count('Seconds for which browsers are to remember it', 0, 2_147_483_647, 63_072_000),
          include_subdomains: flag('For every name below it, too'),
          preload: flag('May be put on the lists that browsers are shipped with'),
        },
        { ...closed, description: 'Tell browsers to come by TLS only (RFC 6797); http and haproxy engines' },
      ),
    ),
    early_data: flag(
      'TLS 1.3 0-RTT: take the first request with the first flight, on routes that allow it as well; http engine',
    ),
  },
  { ...closed, description: 'Terminate TLS' },
);

export const BackendTls = Type.Object(
  {
    server_name: optional(
      Type.String({
        pattern: '^[A-Za-z0-9_.:-]{1,253}$',
        description: 'Name that the certificate must be for, and that is asked for. Absent: the address of the server',
      }),
    ),
    verify: flag('Refuse servers whose certificate does not fit', true),
    ca: optional(
      Type.String({ description: 'PEM file of those who may sign it. Absent: those whom this machine trusts' }),
    ),
    cert: optional(Type.String({ description: 'PEM file of a certificate to show to servers that ask for one' })),
    key: optional(Type.String({ description: 'PEM file of its key' })),
    min_version: optional(choice('Lowest TLS version', ['1.2', '1.3'], '1.2')),
  },
  { ...closed, description: 'Speak TLS to the servers' },
);
