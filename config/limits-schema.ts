import { closed, count, duration, optional, size } from './schema-parts.ts';
import { Type } from './typebox.ts';

/** Less refuses every browser; more is memory that one client can hold without having said anything. */
const HEADER_SIZE = { low: 1024, high: 1024 ** 2, words: 'a size from 1KiB to 1MiB' };

/** Less costs a system call for each packet; more is what one client that does not read takes of the memory that all connections share. */
const UNSENT = { low: 4096, high: Number.POSITIVE_INFINITY, words: 'a size from 4KiB on, or unlimited' };

export const Limits = Type.Object(
  {
    header_size: size('Request line and fields together; more gets 431', '16KiB', HEADER_SIZE),
    header_count: count('Fields of a request; more gets 431', 1, 1000, 128),
    body_size: size('Request body; more gets 413', 'unlimited'),
    connections: optional(
      Type.Integer({
        minimum: 1,
        maximum: 1_000_000,
        description:
          'Clients at once in one plane; more get 503, with the tcp engine a reset; 1 to 1000000. Absent: any number',
      }),
    ),
    connections_per_client: optional(
      Type.Integer({
        minimum: 1,
        maximum: 1_000_000,
        description:
          'As connections, of one client address (IPv6: one /64); more get 429; http engine; 1 to 1000000. Absent: any number',
      }),
    ),
    body_rate: count(
      'Bytes a second that a request body has to come with on average, after five seconds; slower ones get 408; 0 is any rate',
      0,
      1_000_000_000,
      240,
    ),
    answer_rate: count(
      'Bytes a second that a client has to take of an answer that waits for it, as body_rate; slower ones are reset; 0 is any rate',
      0,
      1_000_000_000,
      240,
    ),
    unsent: size(
      'What the kernel takes for a client beyond what can be sent at once; the rest waits at its server; http and tcp engines',
      '64KiB',
      UNSENT,
    ),
    websocket_message_size: size('One WebSocket message; more closes with 1009', '16MiB'),
  },
  { ...closed, description: 'What a client may send' },
);

export const Timeouts = Type.Object(
  {
    idle: duration('A kept-alive connection without a request', '60s'),
    header: duration(
      'From the first byte of a request head to its last; for a PROXY header and a TLS ClientHello',
      '10s',
    ),
    body: duration('Between two parts of a request body; a client that sends none gets 408', '60s'),
    send: duration('A client takes nothing of an answer that waits for it', '60s'),
    websocket_idle: duration('A WebSocket on which nothing passes; 0 is never', '0', { zero: true }),
    tcp_idle: duration('A relayed connection on which nothing passes; 0 is never; tcp engine', '1h', { zero: true }),
  },
  { ...closed, description: 'How long clients may take' },
);
