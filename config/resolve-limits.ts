import type { Static } from 'typebox';
import type { ListenerLimits, ListenerTimeouts } from './limits-config.ts';
import type { Limits, Timeouts } from './limits-schema.ts';
import { duration, size } from './resolve-values.ts';

export function resolveLimits(limits: Static<typeof Limits> = {}): ListenerLimits {
  return {
    headerBytes: size(limits.header_size, '16KiB'),
    headerCount: limits.header_count ?? 128,
    bodyBytes: size(limits.body_size, 'unlimited'),
    bodyRate: limits.body_rate ?? 240,
    answerRate: limits.answer_rate ?? 240,
    unsentBytes: size(limits.unsent, '64KiB'),
    webSocketMessageBytes: size(limits.websocket_message_size, '16MiB'),
    connections: limits.connections ?? Number.POSITIVE_INFINITY,
    connectionsPerClient: limits.connections_per_client ?? Number.POSITIVE_INFINITY,
  };
}

export function resolveTimeouts(timeouts: Static<typeof Timeouts> = {}): ListenerTimeouts {
  return {
    idleMs: duration(timeouts.idle, '60s'),
    headerMs: duration(timeouts.header, '10s'),
    bodyMs: duration(timeouts.body, '60s'),
    sendMs: duration(timeouts.send, '60s'),
    webSocketIdleMs: duration(timeouts.websocket_idle, '0'),
  };
}
