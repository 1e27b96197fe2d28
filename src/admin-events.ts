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
      return fault('plane', message, { plane: event.plane, ...diedOf(event) });
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
    case 'worker-listening': {
      const { worker, server } = event;
      return { type: 'worker', severity: 'info', message, data: { worker, state: 'ready', server } };
    }
    case 'worker-died':
      return fault('worker', message, { worker: event.worker, ...diedOf(event) });
    case 'worker-failed':
      return fault('worker', message, { worker: event.worker, state: 'failed', cause: event.message });
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
    case 'server-down': {
      const { backend, server } = event;
      const isUp = event.type === 'server-up';
      const state = isUp ? { state: 'healthy' } : { state: 'unhealthy', reason: event.reason };
      return { type: 'server', severity: isUp ? 'info' : 'warning', message, data: { backend, server, ...state } };
    }
    case 'name-failed': {
      const { name, reason, kept } = event;
      return { type: 'alarm', severity: 'warning', message, data: { kind: 'dns', name, reason, kept } };
    }
    case 'name-resolved': {
      const { name, added, removed, leftOut } = event;
      return { type: 'server', severity: 'info', message, data: { name, added, removed, left_out: leftOut } };
    }
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
    case 'upgrade-failed':
      return { type: 'alarm', severity: 'warning', message, data: { kind: 'upgrade', reason: event.reason } };
    case 'notice':
      return { type: 'alarm', severity: 'warning', message, data: { kind: 'notice' } };
    default:
      return event satisfies never;
  }
}

function fault(type: NewAdminEvent['type'], message: string, data: NewAdminEvent['data']): NewAdminEvent {
  return { type, severity: 'error', message, data };
}

function diedOf({ cause, restartInMs }: Extract<PorticoEvent, { readonly type: 'plane-died' | 'worker-died' }>) {
  return { state: 'died', cause, restart_in_ms: restartInMs };
}
