import type { Failure } from './exchange.ts';

/** Whether the failure speaks against the server. What this host ran short of, and requests that it never looked at, do not. */
export function blamesServer(failure: Failure): boolean {
  switch (failure.kind) {
    case 'connect':
    case 'bad-answer':
    case 'timeout':
      return true;
    case 'closed':
      return !failure.isStale;
    case 'exhausted':
    case 'queue':
      return false;
    default:
      return failure satisfies never;
  }
}
