import type { NewAdminEvent } from '../admin/events/admin-event.ts';
import { describeEvent, type PorticoEvent } from './event-log.ts';

/** What the admin server tells of an event; undefined for what is only for the log. */
export function adminEventOf(event: PorticoEvent): NewAdminEvent | undefined {
  const message = describeEvent(event);
  switch (event.type) {
    case 'plane-ready':
      return { type: 'plane', severity: 'info', message, data: { plane: event.plane, state: 'ready' } };
    case 'plane-found':
    case 'plane-retired': {
      const state = event.type === 'plane-found' ? 'found' : 'retired';
      return { type: 'plane', severity: 'info', message, data: { plane: event.plane, state, pid: event.pid } };
    }
    case 'plane-died':
      return {
        type: 'plane',
        severity: 'error',
        message,
        data: { plane: event.plane, state: 'died', cause: event.cause, restart_in_ms: event.restartInMs },
      };
    case 'plane-pressure': {
      const { plane, pressure } = event;
      const isOver = pressure.reason === 'none';
      return {
        type: 'plane',
        severity: isOver ? 'info' : 'warning',
        message,
        data: { plane, state: isOver ? 'accepting' : 'full', ...pressure },
      };
    }
    case 'worker-listening':
      return {
        type: 'worker',
        severity: 'info',
        message,
        data: { worker: event.worker, state: 'ready', server: event.server },
      };
    case 'worker-died':
      return {
        type: 'worker',
        severity: 'error',
        message,
        data: { worker: event.worker, state: 'died', cause: event.cause, restart_in_ms: event.restartInMs },
      };
    case 'worker-failed':
      return {
        type: 'worker',
        severity: 'error',
        message,
        data: { worker: event.worker, state: 'failed', cause: event.message },
      };
    case 'source-state': {
      const { pool, address, state } = event;
      const isTrouble = state.kind === 'lost' || state.kind === 'refused';
      return {
        type: 'source',
        severity: isTrouble ? 'warning' : 'info',
        message,
        data: { pool, address, state: state.kind, ...('reason' in state ? { reason: state.reason } : {}) },
      };
    }
    case 'server-up':
      return {
        type: 'server',
        severity: 'info',
        message,
        data: { backend: event.backend, server: event.server, state: 'healthy' },
      };
    case 'server-down':
      return {
        type: 'server',
        severity: 'warning',
        message,
        data: { backend: event.backend, server: event.server, state: 'unhealthy', reason: event.reason },
      };
    case 'port-shortage-ahead': {
      const { pool, source, destination, seconds, addAddresses } = event;
      return {
        type: 'alarm',
        severity: 'warning',
        message,
        data: {
          kind: 'ports',
          pool,
          ...(source === undefined ? {} : { source }),
          destination,
          exhaustion_seconds: seconds,
          add_addresses: addAddresses,
        },
      };
    }
    case 'system-limit-near': {
      const { limit, title, connections, allowed } = event;
      return {
        type: 'alarm',
        severity: 'warning',
        message,
        data: { kind: 'system-limit', limit, title, connections, allowed },
      };
    }
    case 'config-applied': {
      const { changes, needsRestart } = event;
      return {
        type: 'config',
        severity: needsRestart.length === 0 ? 'info' : 'warning',
        message,
        data: { state: 'applied', changes, needs_restart: needsRestart },
      };
    }
    case 'config-refused':
      return { type: 'config', severity: 'error', message, data: { state: 'refused', reason: event.why } };
    case 'admin-error':
      return undefined;
    case 'certificate-issued':
      return undefined;
    case 'certificate-failed': {
      const { host, reason, retryInMs } = event;
      const data = { kind: 'certificates', host, reason, retry_in_ms: retryInMs };
      return { type: 'alarm', severity: 'warning', message, data };
    }
    case 'certificates-loaded':
      return undefined;
    case 'certificates-refused':
      return { type: 'alarm', severity: 'warning', message, data: { kind: 'certificates' } };
    case 'notice':
      return { type: 'alarm', severity: 'warning', message, data: { kind: 'notice' } };
    default:
      return event satisfies never;
  }
}
