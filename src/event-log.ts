import type { NameFailure } from '../lb/dns/name-addresses.ts';
import type { PortShortageEvent } from '../lb/forecast/shortage-watcher.ts';
import type { PressureEvent } from '../lb/pressure/pressure.ts';
import type { SourceState } from '../lb/source/source-status.ts';
import { count } from './system/format.ts';
import type { SystemLimitEvent } from './system/limit-watcher.ts';

/** What happens to the parts of a running Portico. */
export type PorticoEvent =
  | { readonly type: 'plane-ready'; readonly plane: string }
  /** It has been there since an earlier primary, and goes on. */
  | { readonly type: 'plane-found'; readonly plane: string; readonly pid: number }
  /** It was of an earlier primary, and has finished what it had. */
  | { readonly type: 'plane-retired'; readonly plane: string; readonly pid: number }
  | { readonly type: 'plane-died'; readonly plane: string; readonly cause: string; readonly restartInMs: number }
  /** It accepts nothing more for now, or accepts again. */
  | { readonly type: 'plane-pressure'; readonly plane: string; readonly pressure: PressureEvent }
  | { readonly type: 'worker-listening'; readonly worker: string; readonly server: string }
  | { readonly type: 'worker-died'; readonly worker: string; readonly cause: string; readonly restartInMs: number }
  | { readonly type: 'worker-failed'; readonly worker: string; readonly message: string }
  | { readonly type: 'admin-error'; readonly message: string }
  | { readonly type: 'source-state'; readonly pool: string; readonly address: string; readonly state: SourceState }
  | { readonly type: 'notice'; readonly message: string }
  | { readonly type: 'upgrade-failed'; readonly reason: string }
  | { readonly type: 'certificates-loaded' }
  /** By ACME; the file is read within seconds. `untilMs`: milliseconds since 1970. */
  | { readonly type: 'certificate-issued'; readonly host: string; readonly untilMs: number }
  | {
      readonly type: 'certificate-failed';
      readonly host: string;
      readonly reason: string;
      readonly retryInMs: number;
    }
  /** Those of before are used on. */
  | { readonly type: 'certificates-refused'; readonly message: string }
  | { readonly type: 'config-applied'; readonly changes: number; readonly needsRestart: readonly string[] }
  | { readonly type: 'config-refused'; readonly why: string }
  /** Those of before are used on; `kept`: how many. */
  | { readonly type: 'name-failed'; readonly name: string; readonly reason: NameFailure; readonly kept: number }
  | {
      readonly type: 'name-resolved';
      readonly name: string;
      readonly added: readonly string[];
      readonly removed: readonly string[];
      /** More than one name may have. */
      readonly leftOut: number;
    }
  | PortShortageEvent
  | SystemLimitEvent
  | { readonly type: 'server-up'; readonly backend: string; readonly server: string }
  | { readonly type: 'server-down'; readonly backend: string; readonly server: string; readonly reason: string };

/** Passes events on to whoever listens. */
export class EventLog {
  private readonly listeners = new Set<(event: PorticoEvent) => void>();

  /** Returns a function that ends the subscription. */
  subscribe(listener: (event: PorticoEvent) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  emit(event: PorticoEvent): void {
    for (const listener of this.listeners) listener(event);
  }
}

/** One line for a person. */
export function describeEvent(event: PorticoEvent): string {
  switch (event.type) {
    case 'plane-ready':
      return `${event.plane} accepts connections`;
    case 'plane-found':
      return `${event.plane} (process ${event.pid}) goes on from an earlier run`;
    case 'plane-retired':
      return `${event.plane} (process ${event.pid}) of an earlier run has finished`;
    case 'plane-died':
      return `${event.plane} died (${event.cause}); restarting in ${event.restartInMs} ms`;
    case 'plane-pressure':
      return `${event.plane} ${describePressure(event.pressure)}`;
    case 'worker-listening':
      return `worker ${event.worker} listens on ${event.server}`;
    case 'worker-died':
      return `worker ${event.worker} died (${event.cause}); restarting in ${event.restartInMs} ms`;
    case 'worker-failed':
      return `worker ${event.worker} cannot start: ${event.message}`;
    case 'admin-error':
      return `the admin server could not answer: ${event.message}`;
    case 'source-state':
      return `source ${event.address} of pool ${event.pool} ${describeState(event.state)}`;
    case 'port-shortage-ahead':
      return describeShortage(event);
    case 'system-limit-near':
      return `${count(event.connections)} connections are open, near the most (${count(event.allowed)}) for ${event.title}; \`portico check\` says what to change`;
    case 'certificates-loaded':
      return 'certificates have changed; new connections get the new ones';
    case 'certificate-issued':
      return `a certificate for ${event.host} was issued, good until ${new Date(event.untilMs).toISOString()}`;
    case 'certificate-failed':
      return `no certificate for ${event.host} was issued: ${event.reason}; the next attempt is in ${Math.ceil(event.retryInMs / 60_000)} min`;
    case 'certificates-refused':
      return `certificates have changed and cannot be used, those of before are used on: ${event.message}`;
    case 'notice':
      return event.message;
    case 'upgrade-failed':
      return `the new process ${event.reason}; this one goes on`;
    case 'name-failed':
      return describeFailedName(event);
    case 'name-resolved':
      return describeResolvedName(event);
    case 'config-applied':
      return describeApplied(event);
    case 'config-refused':
      return `the config was not changed: ${event.why}`;
    case 'server-up':
      return `server ${event.server} of backend ${event.backend} is healthy`;
    case 'server-down':
      return `server ${event.server} of backend ${event.backend} is unhealthy: ${event.reason}`;
    default:
      return event satisfies never;
  }
}

const FAILED_NAMES: Readonly<Record<NameFailure, string>> = {
  nxdomain: 'there is no such name',
  empty: 'it has no address',
  unusable: 'none of its addresses can be connected to',
  servfail: 'the name server could not find out',
  refused: 'the name server refuses to say',
  timeout: 'no name server has answered',
  malformed: 'the answer of the name server makes no sense',
  failed: 'the lookup failed',
};

function describeFailedName({ name, reason, kept }: Extract<PorticoEvent, { readonly type: 'name-failed' }>): string {
  const what = kept === 0 ? 'it has no server until that ends' : `its last ${addresses(kept)} kept`;
  return `name ${name} cannot be looked up (${FAILED_NAMES[reason]}); ${what}`;
}

const addresses = (number: number): string => (number === 1 ? 'address is' : `${count(number)} addresses are`);

const MOST_LISTED = 5;

function describeResolvedName({
  name,
  added,
  removed,
  leftOut,
}: Extract<PorticoEvent, { readonly type: 'name-resolved' }>): string {
  const list = (all: readonly string[]): string =>
    all.length <= MOST_LISTED
      ? all.join(', ')
      : `${all.slice(0, MOST_LISTED).join(', ')} and ${count(all.length - MOST_LISTED)} more`;
  const parts = [
    ...(added.length === 0 ? [] : [`has come to ${list(added)}`]),
    ...(removed.length === 0 ? [] : [`has left ${list(removed)}`]),
  ];
  const what = parts.length === 0 ? 'is answered again, as before' : parts.join(' and ');
  return `name ${name} ${what}${leftOut === 0 ? '' : `; ${count(leftOut)} addresses more than resolver.max_addresses are left out`}`;
}

function describePressure(pressure: PressureEvent): string {
  switch (pressure.reason) {
    case 'descriptors':
      return `accepts no connection until others end: ${count(pressure.open)} of ${count(pressure.limit)} descriptors are in use; raise LimitNOFILE, \`portico check\` says how`;
    case 'memory': {
      const { residentBytes, limitBytes, isShedding } = pressure;
      const what = isShedding ? 'refuses requests' : 'accepts no connection, and idle ones are closed';
      return `${what}: it takes ${mebibytes(residentBytes)} of memory, near its most of ${mebibytes(limitBytes)}; raise plane_memory, or take on less`;
    }
    case 'none':
      return 'accepts connections again';
    default:
      return pressure satisfies never;
  }
}

function mebibytes(bytes: number): string {
  return `${count(Math.round(bytes / 1024 ** 2))} MiB`;
}

function describeApplied({
  changes,
  needsRestart,
}: Extract<PorticoEvent, { readonly type: 'config-applied' }>): string {
  const what = changes === 0 ? 'the config is as it was' : `the config was changed (${count(changes)} differences)`;
  return needsRestart.length === 0 ? what : `${what}; a restart is needed for ${needsRestart.join(', ')}`;
}

function describeState(state: SourceState): string {
  switch (state.kind) {
    case 'claiming':
      return 'is being claimed';
    case 'ready':
      return 'can be used';
    case 'draining':
      return 'is being drained';
    case 'lost':
      return `cannot be used: ${state.reason}`;
    case 'refused':
      return `was not claimed: ${state.reason}`;
    default:
      return state satisfies never;
  }
}

function describeShortage({ pool, destination, seconds, addAddresses }: PortShortageEvent): string {
  const when = seconds <= 0 ? 'no port is free' : `the ports run out in ${Math.ceil(seconds)} s`;
  const advice = addAddresses > 0 ? `; add ${addAddresses} ${addAddresses === 1 ? 'address' : 'addresses'}` : '';
  return `source pool ${pool}: ${when} towards ${destination}${advice}`;
}
