import type { components } from '../admin/client/api.ts';
import { columns } from './columns.ts';
import { bytes } from './system/format.ts';

type Status = components['schemas']['Status'];
type StatusTick = components['schemas']['StatusTick'];

/** What `portico status` prints. */
export function renderStatus(status: Status): string {
  const servers = status.backends.flatMap(({ name, servers }) => servers.map((server) => ({ name, ...server })));
  return [
    `Portico ${status.version}, process ${status.pid}, up ${duration(status.uptime_seconds)}, ${status.ready ? 'ready' : 'NOT READY'}\n`,
    columns(
      ['LISTENER', 'ENGINE', 'ADDRESS', 'CONNECTIONS', 'WEBSOCKETS'],
      status.listeners.map((each) => [each.name, each.engine, each.bind, each.connections, each.websockets]),
    ),
    columns(
      ['BACKEND', 'SERVER', 'STATE', 'HEALTH', 'WEIGHT', 'ACTIVE', 'IDLE'],
      servers.map((each) => [
        each.name,
        each.id,
        each.state,
        each.healthy ? (each.ejected_by > 0 ? 'ejected' : 'healthy') : `unhealthy: ${each.reason ?? 'not checked'}`,
        each.weight,
        each.active,
        each.idle,
      ]),
    ),
    columns(
      ['PROCESS', 'PID', 'STATE', 'RESTARTS'],
      [...status.planes, ...status.workers].map((each) => [
        each.id,
        String(each.pid ?? '-'),
        each.ready ? 'ready' : 'not ready',
        each.restarts,
      ]),
    ),
  ].join('\n');
}

/** What `portico top` shows, once a second. */
export function renderTick(tick: StatusTick): string {
  const { ports } = tick;
  const first = ports.first_to_run_out;
  const forecast =
    first === null
      ? 'ports last'
      : `ports of ${first.pool} towards ${first.destination} run out in ${duration(first.exhaustion_seconds)}`;
  return [
    `Portico, up ${duration(tick.uptime_seconds)}, ${tick.ready ? 'ready' : 'NOT READY'}, ${tick.time.slice(11, 19)} UTC\n`,
    `${rate(tick.requests_per_second)} requests/s, ${rate(tick.errors_per_second)} errors/s, p50 ${latency(tick.p50_seconds)}, p99 ${latency(tick.p99_seconds)}, ` +
      `${tick.connections} connections, ${tick.websockets} WebSockets, ${tick.waiting} waiting\n` +
      `source ports: ${ports.used} used, ${ports.quarantined} resting; ${forecast}\n`,
    columns(
      ['LISTENER', 'REQUESTS/S', 'ERRORS/S', 'P50', 'P99', 'CONNECTIONS', 'NEW/S'],
      tick.listeners.map((each) => [...rates(each), each.connections, rate(each.connections_per_second)]),
    ),
    columns(
      ['BACKEND', 'REQUESTS/S', 'ERRORS/S', 'P50', 'P99', 'SERVERS', 'ACTIVE', 'IDLE'],
      tick.backends.map((each) => [...rates(each), `${each.available}/${each.servers}`, each.active, each.idle]),
    ),
    columns(
      ['PLANE', 'CPU', 'MEMORY', 'LAG'],
      tick.planes.map((each) => [
        each.id,
        `${Math.round(each.cpu * 100)} %`,
        bytes(each.resident_bytes),
        latency(each.event_loop_lag_seconds),
      ]),
    ),
  ].join('\n');
}

type Rates = Pick<StatusTick, 'requests_per_second' | 'errors_per_second' | 'p50_seconds' | 'p99_seconds'>;

function rates({ name, ...each }: Rates & { readonly name: string }): (string | number)[] {
  return [
    name,
    rate(each.requests_per_second),
    rate(each.errors_per_second),
    latency(each.p50_seconds),
    latency(each.p99_seconds),
  ];
}

function rate(value: number): number {
  return value >= 10 ? Math.round(value) : Math.round(value * 10) / 10;
}

function latency(seconds: number | null): string {
  if (seconds === null) return '-';
  const ms = seconds * 1000;
  return ms >= 1000 ? `${seconds.toFixed(1)} s` : ms >= 10 ? `${Math.round(ms)} ms` : `${ms.toFixed(1)} ms`;
}

function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 120) return `${whole} s`;
  if (whole < 2 * 3600) return `${Math.round(whole / 60)} min`;
  if (whole < 48 * 3600) return `${Math.round(whole / 3600)} h`;
  return `${Math.round(whole / 86_400)} d`;
}
