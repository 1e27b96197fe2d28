import { choice, closed, optional } from './schema-parts.ts';
import { Type } from './typebox.ts';

const Tls = Type.Object(
  {
    cert: Type.String({ description: 'PEM file of the certificate chain; read again when it changes' }),
    key: Type.String({ description: 'PEM file of the key' }),
    client_ca: optional(
      Type.String({
        description: 'PEM file of the authorities that clients need a certificate of. Absent: they need none',
      }),
    ),
  },
  { ...closed, description: 'Answer over TLS; needed beyond loopback' },
);

export const Admin = Type.Object(
  {
    listen: optional(Type.String({ description: 'Address and port, or unix:/path', default: '127.0.0.1:9797' })),
    socket_mode: optional(
      Type.String({
        pattern: '^0?[0-7]{3}$',
        description: 'Who may connect to unix:/path, as an octal mode such as 0660',
        default: '0600',
      }),
    ),
    tls: optional(Tls),
    token_file: optional(
      Type.String({
        description:
          'File with the bearer tokens of which requests must carry one; `portico token NAME` makes them. Read again when it changes',
      }),
    ),
    metrics: optional(
      choice(
        'Who may scrape /metrics: everyone who reaches the server, those with a token, nobody',
        ['open', 'token', 'off'],
        'token',
      ),
    ),
    audit_log: optional(
      Type.String({ description: 'File to which a line is added for each change through the API; JSON' }),
    ),
  },
  { ...closed, description: 'Status, metrics and API' },
);
