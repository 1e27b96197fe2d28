import type { NatCounters } from './nat-counters.ts';
import type { NatListener } from './nat-plan.ts';
import { natListener, type Service } from './nat-services.ts';
import type { Target } from './nat-targets.ts';

export interface ListenerTurnsDeps {
  readonly counters: Pick<NatCounters, 'acceptedBy'>;
  /** Connections that the target has. */
  readonly heldOf: (target: Target) => number;
}

/** Of each listener, which server gets the next connections: computed anew when a server comes or goes, or when a round is over. */
export class ListenerTurns {
  private readonly deps: ListenerTurnsDeps;
  /** By service, what its turns were computed from. */
  private readonly known = new Map<number, { came: number; text: string; listener: NatListener }>();

  constructor(deps: ListenerTurnsDeps) {
    this.deps = deps;
  }

  of(service: Service): NatListener {
    const { counters, heldOf } = this.deps;
    const text = service.servers
      .map(({ id, weight, isAvailable, target }) => `${id} ${weight} ${isAvailable && target.steering.isOpen}`)
      .join();
    const came = counters.acceptedBy(service.id);
    const known = this.known.get(service.id);
    const isFresh =
      known !== undefined &&
      known.text === text &&
      known.listener.port === service.listener.port &&
      came - known.came < known.listener.choice.slots.length;
    if (isFresh) return known.listener;
    const listener = natListener(service, heldOf);
    this.known.set(service.id, { came, text, listener });
    return listener;
  }

  /** The next turns are computed anew. */
  clear(): void {
    this.known.clear();
  }
}
