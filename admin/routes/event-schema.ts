import { choice } from '../../config/schema-parts.ts';
import { Type } from '../../config/typebox.ts';

/** An event, as `GET /api/v1/events` and `/api/v1/events/history` have it. */
export const Event = Type.Object(
  {
    /** Run and number; goes into `Last-Event-ID`. */
    id: Type.String(),
    time: Type.String(),
    type: choice('What it is about', ['change', 'server', 'source', 'plane', 'worker', 'config', 'alarm']),
    severity: choice('How bad it is', ['info', 'warning', 'error']),
    message: Type.String(),
    data: Type.Record(Type.String(), Type.Unknown()),
  },
  { title: 'Event' },
);

const OrNull = Type.Union([Type.Number(), Type.Null()]);
const Rates = {
  /** A second, over the last one. */
  requests_per_second: Type.Number(),
  /** Answers of 500 and above. */
  errors_per_second: Type.Number(),
  /** Of the requests of the last second; null without any. */
  p50_seconds: OrNull,
  p99_seconds: OrNull,
};

/** What `event: status` of `GET /api/v1/events` has in `data`, once a second. */
export const StatusTick = Type.Object(
  {
    time: Type.String(),
    uptime_seconds: Type.Number(),
    ready: Type.Boolean(),
    /** Open now. */
    connections: Type.Integer(),
    websockets: Type.Integer(),
    connections_per_second: Type.Number(),
    ...Rates,
    /** Bytes of relayed connections. */
    bytes_in_per_second: Type.Number(),
    bytes_out_per_second: Type.Number(),
    retries_per_second: Type.Number(),
    /** Connections that found no free source port. */
    exhausted_per_second: Type.Number(),
    /** Requests that wait for a connection or a server. */
    waiting: Type.Integer(),
    listeners: Type.Array(
      Type.Object({
        name: Type.String(),
        connections: Type.Integer(),
        websockets: Type.Integer(),
        connections_per_second: Type.Number(),
        ...Rates,
      }),
    ),
    backends: Type.Array(
      Type.Object({
        name: Type.String(),
        /** Servers in all, and those that get requests. */
        servers: Type.Integer(),
        available: Type.Integer(),
        active: Type.Integer(),
        idle: Type.Integer(),
        ...Rates,
      }),
    ),
    planes: Type.Array(
      Type.Object({
        id: Type.String(),
        ready: Type.Boolean(),
        /** Share of one core over the last second. */
        cpu: Type.Number(),
        resident_bytes: Type.Number(),
        event_loop_lag_seconds: Type.Number(),
      }),
    ),
    ports: Type.Object({
      used: Type.Integer(),
      quarantined: Type.Integer(),
      free: Type.Integer(),
      /** The pair of pool and destination that runs out first. */
      first_to_run_out: Type.Union([
        Type.Object({
          pool: Type.String(),
          destination: Type.String(),
          exhaustion_seconds: Type.Number(),
          add_addresses: Type.Integer(),
        }),
        Type.Null(),
      ]),
    }),
  },
  { title: 'StatusTick' },
);
