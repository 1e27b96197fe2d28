import { closed, count, duration, optional } from './schema-parts.ts';
import { Type } from './typebox.ts';

export const Resolver = Type.Object(
  {
    nameservers: optional(
      Type.Array(Type.String(), {
        minItems: 1,
        description:
          'Whom to ask: addresses such as 10.0.0.2, 10.0.0.2:5353 or [2001:db8::2]:53. Absent: those in /etc/resolv.conf',
      }),
    ),
    timeout: duration('How long a lookup may take, with all its tries', '5s'),
    min_ttl: duration(
      'An answer is good for so long at least, whatever its TTL says; also the first wait after a failure',
      '1s',
    ),
    max_ttl: duration('An answer is good for so long at most', '5m'),
    hold: duration('How long an address that is missing in answers stays a server all the same', '0', { zero: true }),
    max_addresses: count('Servers that one name may stand for; further addresses are left out', 1, 4096, 256),
  },
  {
    ...closed,
    description: 'How names in `servers` are looked up, again and again, in the background',
  },
);
