import type { AdminEvent, NewAdminEvent } from './admin-event.ts';
import type { EventsSource } from './events-source.ts';

export interface EventFeedDeps {
  /** Milliseconds since 1970. */
  readonly epochMs: () => number;
}

const KEPT = 2000;

/** Numbers events, keeps the latest and passes each on. */
export class EventFeed implements EventsSource {
  private readonly epochMs: () => number;
  private readonly kept: number;
  private readonly run: string;
  private readonly listeners = new Set<(event: AdminEvent) => void>();
  private events: AdminEvent[] = [];
  /** Number of the first of `events`. */
  private first = 1;

  constructor({ epochMs }: EventFeedDeps, { kept = KEPT } = {}) {
    this.epochMs = epochMs;
    this.kept = kept;
    this.run = epochMs().toString(36);
  }

  append(event: NewAdminEvent): AdminEvent {
    const number = this.first + this.events.length;
    // Names and reasons may be parts of long texts (a config, an answer), which V8 keeps in memory with each part of them.
    const own = JSON.parse(JSON.stringify(event)) as NewAdminEvent;
    const added = { id: `${this.run}.${number}`, time: new Date(this.epochMs()).toISOString(), ...own };
    this.events.push(added);
    // Twice as many at most, so that cutting off costs nothing to speak of.
    if (this.events.length >= 2 * this.kept) {
      this.first += this.events.length - this.kept;
      this.events = this.events.slice(-this.kept);
    }
    for (const listener of this.listeners) listener(added);
    return added;
  }

  subscribe(listener: (event: AdminEvent) => void): () => void {
    // The same function may be subscribed twice.
    const own = (event: AdminEvent): void => listener(event);
    this.listeners.add(own);
    return () => this.listeners.delete(own);
  }

  after(id: string): { readonly events: readonly AdminEvent[]; readonly isGap: boolean } {
    const number = this.numberOf(id);
    const next = this.first + this.events.length;
    if (number === undefined || number < this.first - 1 || number >= next)
      return { events: [...this.events], isGap: true };
    return { events: this.events.slice(number + 1 - this.first), isGap: false };
  }

  before(id: string | undefined, limit: number): readonly AdminEvent[] {
    const number = id === undefined ? undefined : this.numberOf(id);
    // Of another run: none of this one is before it.
    if (id !== undefined && number === undefined) return [];
    const end =
      number === undefined ? this.events.length : Math.max(0, Math.min(this.events.length, number - this.first));
    return this.events.slice(Math.max(0, end - limit), end).reverse();
  }

  private numberOf(id: string): number | undefined {
    const [run, number = ''] = id.split('.');
    return run === this.run && /^\d{1,15}$/.test(number) ? Number(number) : undefined;
  }
}
