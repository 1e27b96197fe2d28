import Type from 'typebox';
import { autoCount, choice, closed, count, duration, name, optional } from './schema-parts.ts';

export const Backend = Type.Object(
  {
    name: name('Name of the backend; the label of its metrics'),
    balance: optional(
      choice(
        'Which server a request goes to',
        ['round-robin', 'least-connections', 'random-two', 'hash'],
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
        { description: 'What `balance: hash` hashes; client, { header: NAME } or { cookie: NAME }', default: 'client' },
      ),
    ),
    source: optional(Type.String({ description: 'Name of the source pool. Absent: the first one' })),
    pipelining: count(
      'Requests in flight on one connection; more than 1 only for servers that answer in order and at once',
      1,
      1024,
      1,
    ),
    connections_per_server: count('Connections to one server from one plane', 1, 65_535, 256),
    retries: count('Further tries on other servers, where the request bears it', 0, 10, 2),
    timeouts: optional(
      Type.Object(
        {
          connect: duration('To open a connection', '5s'),
          response: duration('From the request to the head of the answer, and between two parts of it', '60s'),
          idle: duration('An idle kept-alive connection', '30s'),
        },
        { ...closed, description: 'How long servers may take' },
      ),
    ),
    health: optional(
      Type.Object(
        {
          path: optional(
            Type.String({
              pattern: '^/[!-~]*$',
              description: 'GET of it has to answer 2xx or 3xx. Absent: a connection is enough',
            }),
          ),
          interval: duration('From one check to the next', '2s'),
          timeout: duration('For one check', '1s'),
          rise: count('Passes in a row that make a server healthy', 1, 100, 2),
          fall: count('Failures in a row that make it unhealthy', 1, 100, 3),
        },
        { ...closed, description: 'Check the servers. Absent: they count as healthy' },
      ),
    ),
    servers: optional(
      Type.Array(
        Type.Object(
          {
            address: Type.String({ description: 'IP address and port: 10.0.0.5:9001, [2001:db8::5]:9001' }),
            weight: count('Share of the requests', 0, 256, 1),
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
        },
        { ...closed, description: 'Instead of servers: Portico starts and supervises them' },
      ),
    ),
  },
  closed,
);
