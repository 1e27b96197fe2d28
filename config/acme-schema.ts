import { choice, closed, flag, optional } from './schema-parts.ts';
import { Type } from './typebox.ts';

export const LETS_ENCRYPT = 'https://acme-v02.api.letsencrypt.org/directory';
export const ACME_STORAGE = '/var/lib/portico/acme';

export const Acme = Type.Object(
  {
    directory: optional(
      Type.String({ description: 'URL of the directory of the authority that issues', default: LETS_ENCRYPT }),
    ),
    ca: optional(
      Type.String({
        description:
          'PEM file of those who may sign the certificate of that server, if it is of your own. Absent: those whom Node trusts',
      }),
    ),
    contact: optional(
      Type.Array(Type.String({ pattern: '^(mailto:)?[^@\\s,?]+@[^@\\s,?]+$' }), {
        description: 'E-mail addresses that the authority may write to',
      }),
    ),
    terms_accepted: flag('You have read the terms of the authority, and agree'),
    storage: optional(
      Type.String({
        description: 'Folder for the key of the account, certificates and their keys; it is for its owner alone',
        default: ACME_STORAGE,
      }),
    ),
    challenge: optional(
      choice(
        'How the authority sees that a name leads here: at port 80, or at port 443 by TLS (RFC 8737)',
        ['http-01', 'tls-alpn-01'],
        'http-01',
      ),
    ),
    key_type: optional(
      choice('Kind of the keys of certificates', ['ecdsa-p256', 'ecdsa-p384', 'rsa-2048'], 'ecdsa-p256'),
    ),
    external_account: optional(
      Type.Object(
        {
          key_id: Type.String({ minLength: 1, description: 'Name of the key, from the authority' }),
          key_file: Type.String({ description: 'File with the key itself, in base64url as the authority gives it' }),
        },
        { ...closed, description: 'For authorities that want to know who opens an account (RFC 8555 §7.3.4)' },
      ),
    ),
  },
  {
    ...closed,
    description:
      'Order certificates for the names in `tls.acme` of listeners, by ACME (RFC 8555), and renew them after two thirds of their life',
  },
);
