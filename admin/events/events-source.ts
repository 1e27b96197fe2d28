import type { AdminEvent } from './admin-event.ts';

/** The latest events, and those to come. */
export interface EventsSource {
  /** Returns a function that ends the subscription. */
  subscribe(listener: (event: AdminEvent) => void): () => void;
  /**
   * The events after the one of that id, oldest first. An id of an earlier run, or one that is forgotten, gives all that are kept, and
   * `isGap` says that some may be missing.
   */
  after(id: string): { readonly events: readonly AdminEvent[]; readonly isGap: boolean };
  /** Up to `limit` events before the one of that id, newest first; without one, the newest. */
  before(id: string | undefined, limit: number): readonly AdminEvent[];
}
