import type { Static } from 'typebox';
import { AccessLog } from './access-log-schema.ts';
import { Acme } from './acme-schema.ts';
import { Admin } from './admin-schema.ts';
import { Backend } from './backend-schema.ts';
import { Limits, Timeouts } from './limits-schema.ts';
import { Resolver } from './resolver-schema.ts';
import { headerEdits, Route } from './route-schema.ts';
import { autoCount, choice, closed, count, duration, flag, name, optional, size } from './schema-parts.ts';
import { ListenerTls } from './tls-schema.ts';
import { Type } from './typebox.ts';

// The shape of portico.yaml: the one source of its types, its validation and config/REFERENCE.md.

const Source = Type.Object(
  {
    name: name('Name of the pool'),
    addresses: Type.Array(Type.String(), {
      minItems: 1,
      description: 'Addresses that Portico connects from: single ones, ranges (a-b) or blocks (a/n), IPv4 or IPv6',
    }),
    claim: flag('Add the addresses to `interface` at start and remove them at stop; needs CAP_NET_ADMIN'),
    claim_limit: count('More addresses to claim than this are taken for a mistake', 1, 4096, 256),
    interface: optional(
      Type.String({ minLength: 1, maxLength: 15, description: 'Where to claim them', default: 'lo' }),
    ),
    ports: optional(
      Type.String({
        pattern: '^[0-9]{1,5}-[0-9]{1,5}$',
        description: 'Source ports to use of each address, as first-last',
        default: '1024-65535',
      }),
    ),
    reserved_ports: optional(
      choice(
        'Ports in the kernel’s ip_local_reserved_ports: leave them to the programs that they are reserved for, or use them because they are reserved for Portico',
        ['avoid', 'use'],
        'avoid',
      ),
    ),
    strategy: optional(choice('Which source a connection gets', ['most-free', 'round-robin'], 'most-free')),
    exhaustion: optional(
      Type.Object(
        {
          queue: count('Requests that may wait for a port or a connection, for each server', 0, 1_000_000, 1024),
          timeout: duration('How long each may wait before it gets 503', '5s'),
          warn: duration('Say so when a destination’s ports will run out within this time', '5m'),
        },
        { ...closed, description: 'When no port is free' },
      ),
    ),
  },
  closed,
);

const Listener = Type.Object(
  {
    name: name('Name of the listener; the label of its metrics'),
    bind: Type.String({ description: 'Address and port: 0.0.0.0:8080, [::]:8080, or :8080 for every IPv4 address' }),
    engine: optional(choice('What forwards the traffic', ['http', 'tcp', 'kernel', 'haproxy'], 'http')),
    protocol: optional(choice('What comes in; udp for the kernel engine only', ['tcp', 'udp'], 'tcp')),
    mode: optional(
      choice('What HAProxy reads of it; haproxy engine only. Absent: http with "routes", tcp with a "backend" alone', [
        'http',
        'tcp',
      ]),
    ),
    tls: optional(ListenerTls),
    routes: optional(Type.Array(Route, { minItems: 1, description: 'The first that matches wins' })),
    backend: optional(Type.String({ description: 'Instead of routes: one backend for everything' })),
    trusted_proxies: optional(
      Type.Array(Type.String(), {
        description: 'Addresses and blocks (a/n) of proxies before Portico whose word on the client is believed',
      }),
    ),
    proxy_protocol: flag(
      'Connections from trusted_proxies start with a PROXY header (v1 or v2) that names the client; http and tcp engines',
    ),
    forwarded: optional(
      choice(
        'How servers are told of the client: X-Forwarded-For, -Proto and -Host; Forwarded of RFC 7239; both; or none',
        ['x-forwarded', 'forwarded', 'both', 'none'],
        'x-forwarded',
      ),
    ),
    via: flag('Add Portico to the Via field of requests and answers'),
    request_id: optional(
      Type.String({
        pattern: "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$",
        description: 'Name of a header field that gives each request an id; one from a trusted proxy is kept',
      }),
    ),
    access_log: optional(AccessLog),
    request_headers: headerEdits('What to change in the header of every request; what a route says goes before'),
    response_headers: headerEdits('What to change in the header of every answer; what a route says goes before'),
    limits: optional(Limits),
    timeouts: optional(Timeouts),
  },
  closed,
);

export const configSchema = Type.Object(
  {
    sources: optional(
      Type.Array(Source, {
        minItems: 1,
        description: 'Where connections to servers come from. Absent: one pool of 127.0.1.1-127.0.1.4',
      }),
    ),
    listeners: Type.Array(Listener, { minItems: 1, description: 'Where clients connect to' }),
    backends: Type.Array(Backend, { minItems: 1, description: 'What requests are forwarded to' }),
    resolver: optional(Resolver),
    acme: optional(Acme),
    admin: optional(Admin),
    planes: autoCount('Data-plane processes', 'auto'),
    plane_memory: size(
      'Resident memory that one plane may have before it turns away clients, then requests; auto: its share of four fifths of the machine',
      'auto',
      {
        low: 96 * 1024 ** 2,
        high: Number.POSITIVE_INFINITY,
        words: 'a size of at least 96MiB, unlimited, or auto',
        except: ['auto'],
      },
    ),
    watch: flag('Reload when this file has changed, as SIGHUP does'),
    drain_timeout: duration('The same as `drain.timeout`', '30s', { zero: true }),
    drain: optional(
      Type.Object(
        {
          delay: duration(
            'How long connections are still accepted after /readyz has begun to fail; answers say Connection: close meanwhile',
            '0s',
            { zero: true },
          ),
          timeout: duration(
            'How long what is open may take to end after that; WebSockets get 1001 spread over the first half. The rest is cut',
            '30s',
            { zero: true },
          ),
        },
        { ...closed, description: 'How Portico stops' },
      ),
    ),
    heartbeat: duration('A plane or worker that is silent for so long is taken for dead, and replaced', '5s'),
    outlive_primary: duration(
      'How long planes and workers go on serving when the primary has died and none follows; 0 stops them at once',
      '24h',
      { zero: true },
    ),
  },
  closed,
);

/** A valid portico.yaml, as written. */
export type ConfigFile = Static<typeof configSchema>;
