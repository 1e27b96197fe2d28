import type { ConfigFile } from './schema.ts';

/** Without a word on it, a listener with routes speaks HTTP, as routes are of requests, and one with a backend alone is relayed as it is. */
export function haproxyMode({ mode, routes }: ConfigFile['listeners'][number]): 'http' | 'tcp' {
  return mode ?? (routes === undefined ? 'tcp' : 'http');
}
