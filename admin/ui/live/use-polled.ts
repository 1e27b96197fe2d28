import { useEffect, useState } from 'preact/hooks';
import { type Api, dataOf } from '../api/api.ts';
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

/** One question to the API. */
export interface Question<T> {
  /** Another question is asked at once; the same one goes on as before. */
  readonly key: string;
  readonly ask: (client: Api['client'], signal: AbortSignal) => Promise<{ readonly data?: T }>;
}

/** What the API answers, new each `intervalMs`. Nothing is asked for while there is no question. */
export function usePolled<T>(question: Question<T> | undefined, intervalMs = 2000): Polled<NonNullable<T>> {
  const { api, timing } = useServices();
  const [state, setState] = useState<Polled<NonNullable<T>>>({ value: undefined, error: undefined, hurry: () => {} });
  useEffect(() => {
    if (question === undefined) return undefined;
    const poller = new Poller(
      timing,
      async (aborted) => {
        try {
          const value = await dataOf(question.ask(api.client, aborted));
          if (!aborted.aborted) setState({ value, error: undefined, hurry: () => poller.hurry() });
        } catch (error) {
          if (!aborted.aborted) setState((last) => ({ ...last, error: messageOf(error) }));
        }
      },
      intervalMs,
    );
    poller.start();
    return () => poller.stop();
  }, [api, timing, question?.key, intervalMs]);
  return state;
}
