import type { BackendSummary, Overview, PoolSummary } from '../api/answers.ts';
import { formatCount, formatPercent, formatSpan, plural } from './format.ts';

/** Something that an operator should know, and where to do something about it. */
export interface Attention {
  readonly severity: 'bad' | 'warn';
  readonly text: string;
  readonly detail: string | undefined;
  readonly action: string;
  /** A page of these. */
  readonly href: string;
}

/** The forecast is told of from ten minutes on, and is urgent in the last two. */
const AHEAD_SECONDS = 600;
const URGENT_SECONDS = 120;
/** Of answers with 5xx, over the last look. */
const FAILED_SHARE = 0.01;

/** What needs attention, the worst first. `failed`: the share of answers with 5xx of late. */
export function attentionOf(overview: Overview, failed: number): Attention[] {
  const items = [
    ...overview.backends.flatMap(ofBackend),
    ...overview.pools.flatMap(ofPool),
    ...ofProcesses(overview),
    ...ofErrors(failed),
    ...ofSystem(overview.system),
  ];
  return items.sort((a, b) => Number(b.severity === 'bad') - Number(a.severity === 'bad'));
}

function ofBackend({ name, servers, available, unhealthy, ejected, queued, trouble }: BackendSummary): Attention[] {
  const href = `#/backends/${encodeURIComponent(name)}`;
  const items: Attention[] = [];
  if (servers > 0 && available === 0) {
    items.push({
      severity: 'bad',
      text: `Backend ${name} has no server to send to`,
      detail:
        trouble[0] === undefined ? 'All are drained or in maintenance.' : `${trouble[0].id}: ${trouble[0].reason}`,
      action: 'Look at its servers',
      href,
    });
  } else if (unhealthy > 0) {
    items.push({
      severity: 'warn',
      text: `Backend ${name}: ${unhealthy} of ${plural(servers, 'server')} ${unhealthy === 1 ? 'is' : 'are'} not healthy`,
      detail: trouble[0] === undefined ? undefined : `${trouble[0].id}: ${trouble[0].reason}`,
      action: 'Look at its servers',
      href,
    });
  }
  if (ejected > 0) {
    items.push({
      severity: 'warn',
      text: `Backend ${name}: ${plural(ejected, 'server')} put aside because real requests failed there`,
      detail: undefined,
      action: 'Look at its servers',
      href,
    });
  }
  if (queued > 0) {
    items.push({
      severity: 'warn',
      text: `Backend ${name}: ${plural(queued, 'request')} ${queued === 1 ? 'waits' : 'wait'} for a server`,
      detail: 'Every server has as many requests as it may have.',
      action: 'Add a server',
      href,
    });
  }
  return items;
}

function ofPool({ name, ready, queued, trouble, tightest }: PoolSummary): Attention[] {
  const href = `#/ports/${encodeURIComponent(name)}`;
  const items: Attention[] = [];
  const seconds = tightest?.exhaustion_seconds ?? Number.POSITIVE_INFINITY;
  if (tightest !== null && seconds < AHEAD_SECONDS) {
    const { destination, add_addresses } = tightest;
    items.push({
      severity: seconds < URGENT_SECONDS ? 'bad' : 'warn',
      text:
        seconds <= 0
          ? `Pool ${name} has no free port towards ${destination}`
          : `Pool ${name} runs out of ports towards ${destination} in ${formatSpan(seconds)}`,
      detail: undefined,
      action: add_addresses > 0 ? `Add ${plural(add_addresses, 'address', 'addresses')}` : 'Look at its ports',
      href,
    });
  } else if (queued > 0) {
    items.push({
      severity: 'bad',
      text: `Pool ${name}: ${plural(queued, 'connection')} ${queued === 1 ? 'waits' : 'wait'} for a port`,
      detail: undefined,
      action: 'Look at its ports',
      href,
    });
  }
  if (trouble[0] !== undefined) {
    items.push({
      severity: ready === 0 ? 'bad' : 'warn',
      text: `Pool ${name}: ${plural(trouble.length, 'address', 'addresses')} cannot be used`,
      detail: `${trouble[0].address}: ${trouble[0].reason}`,
      action: 'Look at its addresses',
      href,
    });
  }
  return items;
}

function ofProcesses({ planes, workers }: Overview): Attention[] {
  return [...planes, ...workers]
    .filter(({ ready }) => !ready)
    .map(({ id, restarts }) => ({
      severity: 'bad',
      text: `${id} does not run`,
      detail: restarts > 0 ? `It was started again ${plural(restarts, 'time')}.` : undefined,
      action: 'See what happened',
      href: '#/events',
    }));
}

function ofErrors(failed: number): Attention[] {
  if (failed < FAILED_SHARE) return [];
  return [
    {
      severity: 'bad',
      text: `${formatPercent(failed)} of answers are server errors`,
      detail: undefined,
      action: 'See which backend',
      href: '#/backends',
    },
  ];
}

function ofSystem({ fail, warn }: Overview['system']): Attention[] {
  if (fail === 0) return [];
  return [
    {
      severity: 'warn',
      text: `${plural(fail, 'setting')} of this machine ${fail === 1 ? 'stands' : 'stand'} in the way of many connections`,
      detail: warn > 0 ? `${formatCount(warn)} more, less pressing.` : undefined,
      action: 'Walk through them',
      href: '#/setup',
    },
  ];
}
