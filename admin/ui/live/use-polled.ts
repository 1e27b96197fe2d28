import { useEffect, useState } from 'preact/hooks';
import { messageOf } from '../api/api-error.ts';
import { useServices } from '../services.ts';
import { Poller } from './poller.ts';

export interface Polled<T> {
  /** The last good answer. */
  readonly value: T | undefined;
  /** Why there is no newer one. */
  readonly error: string | undefined;
  /** Asks at once. */
  readonly hurry: () => void;
}

/** What the API has at `path`, new each `intervalMs`. Nothing is asked for while `path` is undefined. */
export function usePolled<T>(path: string | undefined, intervalMs = 2000): Polled<T> {
  const { api, timing } = useServices();
  const [state, setState] = useState<Polled<T>>({ value: undefined, error: undefined, hurry: () => {} });
  useEffect(() => {
    if (path === undefined) return undefined;
    const poller = new Poller(
      timing,
      async (aborted) => {
        try {
          const value = await api.get<T>(path, aborted);
          if (!aborted.aborted) setState({ value, error: undefined, hurry: () => poller.hurry() });
        } catch (error) {
          if (!aborted.aborted) setState((last) => ({ ...last, error: messageOf(error) }));
        }
      },
      intervalMs,
    );
    poller.start();
    return () => poller.stop();
  }, [api, timing, path, intervalMs]);
  return state;
}
