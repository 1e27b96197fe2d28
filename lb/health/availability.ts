import type { ServerState } from '../control/messages.ts';

type Standing = Pick<ServerState, 'healthy' | 'admin' | 'weight'>;

/** Whether new requests may go to the server. Whether it is full at this moment is another question, which the server answers. */
export function isAvailable({ healthy, admin, weight }: Standing, isEjected: boolean): boolean {
  return healthy && admin === 'ready' && weight > 0 && !isEjected;
}

/** Whether requests that belong to a session on the server may still go to it: a drain lets sessions end by themselves. */
export function keepsSessions({ healthy, admin }: Standing, isEjected: boolean): boolean {
  return healthy && admin !== 'maintenance' && !isEjected;
}
