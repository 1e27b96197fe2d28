import {
  autoCount,
  choice,
  closed,
  count,
  duration,
  durationOrWord,
  flag,
  name,
  optional,
  statuses,
} from './schema-parts.ts';
import { BackendTls } from './tls-schema.ts';
import { Type } from './typebox.ts';

const Retry = Type.Object(
  {
    on: optional(
      Type.Array(choice('Failure', ['connect', 'closed', 'bad-answer', 'timeout']), {
        description:
          'Failures that call for another server: connect, closed (without an answer), bad-answer, timeout. All but connect only for idempotent requests without a body',
        default: ['connect', 'closed'],
      }),
    ),
    status: statuses('Answers to idempotent requests that call for another server, if there is one'),
    budget: count('Retries for each hundred requests of the last ten seconds', 0, 1000, 20),
    min_per_second: count('Retries a second allowed besides', 0, 1_000_000, 10),
    per_try_timeout: duration(
      'From an idempotent request to the head of its answer, after which another server is tried if there is one; 0 is never',
      '0',
      { zero: true },
    ),
  },
  { ...closed, description: 'When to try again, and how often in all' },
);

const Hedge = Type.Object(
  {
    after: durationOrWord(
      'How long the head of an answer may take before another server is asked as well, or p95 for the time within which 95 % of the answers of the last seconds came',
      ['p90', 'p95', 'p99'],
    ),
  },
  {
    ...closed,
    description:
      'Ask a second server when the first one is slow, and take the answer that comes first; only for GET, HEAD and OPTIONS without a body, within the budget of retry. Absent: never',
  },
);

const FIELD_NAME = "^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}$";

const Sticky = Type.Object(
  {
    cookie: optional(
      Type.String({
        pattern: FIELD_NAME,
        description: 'Name of a cookie that Portico sets, which says which server it is',
      }),
    ),
    key: optional(
      Type.String({
        minLength: 16,
        description: 'With cookie: a secret that makes its value one that nobody can work out',
      }),
    ),
    secure: flag('With cookie: browsers send it over TLS only'),
    max_age: duration('With cookie: how long browsers keep it; 0 is until they close', '0', { zero: true }),
    header: optional(
      Type.String({
        pattern: FIELD_NAME,
        description: 'Instead of cookie: a header field that clients send, one value for each session',
      }),
    ),
    entries: count('With header: sessions that each plane remembers', 1, 10_000_000, 100_000),
    ttl: duration('With header: how long a session is remembered without a request', '1h'),
  },
  { ...closed, description: 'Keep the requests of a session on one server' },
);

const Health = Type.Object(
  {
    path: optional(
      Type.String({
        pattern: '^/[!-~]*$',
        description: 'What is asked for over HTTP. Absent: a connection is enough',
      }),
    ),
    method: optional(choice('How it is asked for', ['GET', 'HEAD', 'OPTIONS'], 'GET')),
    host: optional(
      Type.String({
        pattern: '^[!-~]{1,255}$',
        description: 'Host field of the check. Absent: address and port of the server',
      }),
    ),
    status: statuses('Statuses that pass', '200-399'),
    body: optional(
      Type.String({
        minLength: 1,
        maxLength: 1024,
        description: 'What the body has to contain, within its first 64 KiB',
      }),
    ),
    port: optional(
      Type.Integer({ minimum: 1, maximum: 65535, description: 'Port to check. Absent: that of the server' }),
    ),
    interval: duration('From one check to the next', '2s'),
    fast_interval: duration(
      'Instead of interval while nothing is known of the server yet, and from a check that speaks against what is known until that is settled',
      '500ms',
    ),
    jitter: count('Each interval is longer or shorter by up to so many percent', 0, 50, 10),
    timeout: duration('For one check', '1s'),
    rise: count('Passes in a row that make a server healthy', 1, 100, 2),
    fall: count('Failures in a row that make it unhealthy', 1, 100, 3),
  },
  { ...closed, description: 'Check the servers. Absent: they count as healthy' },
);

const Outlier = Type.Object(
  {
    failures: count('Failed requests in a row that eject a server; 0 is never', 0, 10_000, 5),
    failure_rate: count('Percent of failed requests within an interval that eject it; 0 is never', 0, 100, 50),
    min_requests: count('Requests within an interval below which failure_rate says nothing', 1, 1_000_000, 20),
    interval: duration('Over which failure_rate is reckoned', '10s'),
    ejection: duration('How long the first ejection lasts; the second lasts twice as long, and so on', '30s'),
    max_ejection: duration('What no ejection is longer than', '5m'),
    max_ejected: count('Percent of the servers that may be ejected at once', 0, 100, 50),
    status: statuses('Answers that count as failures, besides none at all', '502-504'),
  },
  {
    ...closed,
    description: 'Keep requests for a while from servers that fail real requests. Absent: only health checks decide',
  },
);

export const Backend = Type.Object(
  {
    name: name('Name of the backend; the label of its metrics'),
    balance: optional(
      choice(
        'Which server a request goes to',
        ['round-robin', 'least-connections', 'random-two', 'peak-ewma', 'hash', 'maglev'],
        'least-connections',
      ),
    ),
    hash: optional(
      Type.Union(
        [
          Type.Literal('client'),
          Type.Object({ header: Type.String({ minLength: 1 }) }, closed),
          Type.Object({ cookie: Type.String({ minLength: 1 }) }, closed),
        ],
        { description: 'What hash and maglev hash; client, { header: NAME } or { cookie: NAME }', default: 'client' },
      ),
    ),
    hash_balance_factor: count(
      'With hash and maglev: no server gets more than so many percent of its fair share of the requests under way, from 101 on; 0 is no bound',
      0,
      65_535,
      0,
    ),
    source: optional(Type.String({ description: 'Name of the source pool. Absent: the first one' })),
    pipelining: count(
      'Requests in flight on one connection; more than 1 only for servers that answer in order and at once',
      1,
      1024,
      1,
    ),
    connections_per_server: count(
      'Connections to one server from one plane; without it 65535 for backends of tcp listeners alone',
      1,
      65_535,
      256,
    ),
    stalled_per_server: optional(
      Type.Integer({
        minimum: 0,
        maximum: 65_535,
        description:
          'Connections besides, to one server from one plane, whose answer waits for a client that does not read it; 0 to 65535. Absent: 4096, and 0 where connections_per_server is given',
      }),
    ),
    requests_per_server: optional(
      Type.Union([Type.Literal('auto'), Type.Integer({ minimum: 0, maximum: 1_000_000 })], {
        description:
          'Requests and WebSockets under way at one server, divided evenly among the planes; more wait. 0 is any number, auto what the times of its answers say that it bears (requests alone); 0 to 1000000, or auto',
        default: 0,
      }),
    ),
    queue: optional(
      Type.Object(
        {
          size: count('Requests that may wait in one plane', 0, 1_000_000, 1024),
          timeout: duration('How long each may wait before it gets 503', '5s'),
          target: duration(
            'Once the queue has stood for interval, requests that have waited so long get 503; 0 is never',
            '100ms',
            {
              zero: true,
            },
          ),
          interval: duration('A burst that is worked off within it loses no request', '1s'),
        },
        { ...closed, description: 'When every server has requests_per_server, or connections_per_server' },
      ),
    ),
    retries: count('Further tries on other servers, where the request bears it', 0, 10, 2),
    retry: optional(Retry),
    hedge: optional(Hedge),
    sticky: optional(Sticky),
    timeouts: optional(
      Type.Object(
        {
          connect: duration('To open a connection', '5s'),
          response: duration('From the request to the head of the answer, and between two parts of it', '60s'),
          idle: duration('An idle kept-alive connection; shorter than the server’s own', '4s'),
        },
        { ...closed, description: 'How long servers may take' },
      ),
    ),
    proxy_protocol: optional(
      choice(
        'Start each connection with a PROXY header that names the client; over HTTP it then serves that client alone',
        ['v1', 'v2'],
      ),
    ),
    tls: optional(BackendTls),
    health: optional(Health),
    outlier: optional(Outlier),
    slow_start: duration(
      'Over this time a server that comes (back) gets its whole share, from a tenth of it on; 0 is at once',
      '0',
      { zero: true },
    ),
    servers: optional(
      Type.Array(
        Type.Object(
          {
            address: Type.String({
              description:
                'Address and port: 10.0.0.5:9001, [2001:db8::5]:9001; or a name, app.internal:9001, which stands for one server for each address that DNS has for it',
            }),
            weight: count('Share of the requests; with a name, of each of its servers', 0, 256, 1),
            backup: flag('Gets requests only while no other server is available'),
            state: optional(
              choice(
                'What it starts as: drain gets no new sessions, maintenance nothing at all and no checks',
                ['ready', 'drain', 'maintenance'],
                'ready',
              ),
            ),
          },
          closed,
        ),
        { minItems: 1, description: 'Where requests go' },
      ),
    ),
    workers: optional(
      Type.Object(
        {
          module: Type.String({
            description: 'Module that each worker process runs, relative to this file; builtin:echo is the one shipped',
          }),
          count: autoCount('Number of processes', 'auto'),
          heartbeat: duration('One whose event loop is blocked for so long is taken for dead, and replaced', '30s'),
        },
        { ...closed, description: 'Instead of servers: Portico starts and supervises them' },
      ),
    ),
  },
  closed,
);
