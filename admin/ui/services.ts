import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import type { Api } from './api/api.ts';
import type { Live } from './live/live.ts';
import type { PollerDeps } from './live/poller.ts';
import type { Notices } from './parts/notices.tsx';
import type { PaintQueue } from './parts/paint-queue.ts';

/** What the pages work with; `main.tsx` puts it together. */
export interface Services {
  readonly api: Api;
  readonly live: Live;
  readonly notices: Notices;
  readonly timing: PollerDeps;
  readonly paint: PaintQueue;
}

export const ServicesContext = createContext<Services | undefined>(undefined);

export function useServices(): Services {
  const services = useContext(ServicesContext);
  if (services === undefined) throw new Error('There are no services around this component.');
  return services;
}
