import createClient, { type Client } from 'openapi-fetch';
import type { components, paths } from './api.ts';

export type { components, paths } from './api.ts';
export { type StreamedEvent, type WatchOptions, watchEvents } from './watch-events.ts';

/** What the answers are made of: `Schemas['Server']`. */
export type Schemas = components['schemas'];

export interface ClientOptions {
  /** Where the admin server is, such as `http://127.0.0.1:9797`; empty in a page that it serves. */
  readonly url: string;
  readonly token?: string | undefined;
  /** Default: the one of this platform. */
  readonly fetch?: typeof fetch;
}

/** A client for the whole admin API, typed by its OpenAPI description. Problems come back as `error`; it throws when there is no answer. */
export type PorticoClient = Client<paths>;

export function createPorticoClient({ url, token, fetch }: ClientOptions): PorticoClient {
  return createClient<paths>({
    baseUrl: url,
    ...(token === undefined ? {} : { headers: { Authorization: `Bearer ${token}` } }),
    ...(fetch === undefined ? {} : { fetch }),
  });
}
