import { createHash } from 'node:crypto';
import type { BackendConfig, ListenerConfig } from '../../config/config.ts';
import type { ServerState } from '../control/messages.ts';
import type { EngineSnapshot } from '../engine/engine.ts';
import type { Family, NatListener } from './nat-plan.ts';
import { familyOf } from './nat-ports.ts';
import type { ReportInput } from './nat-report.ts';
import type { NatTargets, Target } from './nat-targets.ts';
import { hashSlots, leastConnectionsTurns, type TurnCandidate, weightedTurns } from './server-turns.ts';

/** A server that a listener leads to. */
export interface ServiceServer {
  readonly id: string;
  readonly weight: number;
  /** New connections may go there. */
  readonly isAvailable: boolean;
  readonly target: Target;
}

/** What one listener does for clients of one family. */
export interface Service {
  readonly id: number;
  readonly listener: ListenerConfig;
  readonly backend: BackendConfig;
  readonly family: Family;
  /** Whether its servers have been heard of; before that it has none. */
  readonly isKnown: boolean;
  /** Those of this family. */
  readonly servers: readonly ServiceServer[];
}

/** What the listeners of this engine do, by the last config. */
export class NatServices {
  all: readonly Service[] = [];
  private readonly targets: NatTargets;
  /** A listener keeps its numbers for as long as it is there, whatever becomes of others: its counters are named by them. */
  private ids = new Map<string, number>();
  private nextId = 0;

  constructor(targets: NatTargets) {
    this.targets = targets;
  }

  /** Pools that their servers are reached from. */
  get pools(): ReadonlySet<string> {
    return new Set(this.all.map(({ backend }) => backend.source));
  }

  /** Clients reach servers of their own family: a listener on `::` is one for each. */
  set({ listeners, backends, states }: EngineSnapshot): void {
    const { targets } = this;
    for (const target of targets.all) target.isWanted = false;
    const ids = new Map<string, number>();
    this.all = listeners.flatMap((listener) => {
      const backend = backends.find(({ name }) => name === listener.routes[0]!.backend)!;
      const state = states.find(({ name }) => name === backend.name);
      const families: readonly Family[] = listener.host === '::' ? [4, 6] : [familyOf(listener.host)];
      const servers = (state?.servers ?? []).map((server) => {
        const target = targets.get(backend.source, listener.protocol, server.host, server.port);
        target.isWanted = true;
        return { id: server.id, weight: server.weight, isAvailable: isAvailable(server), target };
      });
      return families.map((family) => {
        const key = `${listener.name} ${family}`;
        const id = this.ids.get(key) ?? this.nextId++;
        ids.set(key, id);
        const isKnown = servers.length > 0;
        const own = servers.filter(({ target }) => target.family === family);
        return { id, listener, backend, family, isKnown, servers: own };
      });
    });
    this.ids = ids;
  }
}

function isAvailable({ healthy, admin, weight }: ServerState): boolean {
  return healthy && admin === 'ready' && weight > 0;
}

/** `heldOf`: connections that the target has. Servers without a ticket are passed over. */
export function natListener(
  { id, listener, backend, family, servers }: Service,
  heldOf: (target: Target) => number,
): NatListener {
  const open = servers.filter(({ isAvailable: isOpen, target }) => isOpen && target.steering.isOpen);
  const candidates: TurnCandidate[] = open.map(({ id: name, weight, target }) => ({
    id: target.id,
    name,
    weight,
    held: heldOf(target),
  }));
  return {
    id,
    family,
    protocol: listener.protocol,
    host: listener.host === '0.0.0.0' || listener.host === '::' ? undefined : listener.host,
    port: listener.port,
    targets: servers.map(({ target }) => target),
    isServed: servers.some((each) => each.isAvailable),
    choice: choose(backend, candidates),
    others: open.map(({ target }) => target.id),
  };
}

function choose({ balance }: BackendConfig, candidates: readonly TurnCandidate[]): NatListener['choice'] {
  switch (balance) {
    case 'hash':
    case 'maglev':
      return { by: 'client', slots: hashSlots(candidates) };
    case 'round-robin':
      return { by: 'turn', slots: weightedTurns(candidates) };
    case 'least-connections':
    case 'random-two':
    case 'peak-ewma': // the config refuses it: the kernel times no answer
      return { by: 'turn', slots: leastConnectionsTurns(candidates) };
    default:
      return balance satisfies never;
  }
}

/** Of what decides where connections go, without what health checks and operators change. */
export function hashOf({ listeners, backends }: EngineSnapshot): string {
  const used = backends.filter(({ name }) => listeners.some(({ routes }) => routes[0]!.backend === name));
  return createHash('sha256')
    .update(JSON.stringify([listeners, used]))
    .digest('hex')
    .slice(0, 12);
}

/** What a report is about: a listener of two families once, a server of several listeners once. */
export function reportedOf(services: readonly Service[]): Pick<ReportInput, 'listeners' | 'servers'> {
  const listeners = services.map(
    ({ listener, backend }) => [listener.name, { ...listener, pool: backend.source }] as const,
  );
  const servers = services.flatMap(({ backend, servers: all }) =>
    all.map(({ id, target }) => {
      return [`${backend.name} ${id} ${target.protocol}`, { backend: backend.name, server: id, target }] as const;
    }),
  );
  return { listeners: [...new Map(listeners).values()], servers: [...new Map(servers).values()] };
}
