import type { components } from './api.ts';
import type { ClientOptions } from './index.ts';

type Event = components['schemas']['Event'];
type StatusTick = components['schemas']['StatusTick'];

/** `gap`: events may be missing, so what is shown has to be read anew. */
export type StreamedEvent =
  | { readonly type: 'status'; readonly tick: StatusTick }
  | { readonly type: 'gap' }
  | { readonly type: 'event'; readonly event: Event };

export interface WatchOptions {
  /** The last event that is known; those after it come first. */
  readonly lastEventId?: string | undefined;
  /** Types of events that are wanted, `status` among them. Default: all. */
  readonly types?: readonly string[];
  /** Ends it; so does leaving the loop. */
  readonly signal?: AbortSignal;
}

/**
 * The events of a running Portico, until the connection ends; then whoever reads starts again from the last id. Unlike EventSource it can
 * send a token. Throws when there is no answer, or one that is no stream.
 */
export async function* watchEvents(
  { url, token, fetch: fetcher = fetch }: ClientOptions,
  { lastEventId, types, signal }: WatchOptions = {},
): AsyncGenerator<StreamedEvent, void, undefined> {
  const query = types === undefined ? '' : `?types=${types.join(',')}`;
  const response = await fetcher(`${url}/api/v1/events${query}`, {
    headers: {
      Accept: 'text/event-stream',
      ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
      ...(lastEventId === undefined ? {} : { 'Last-Event-ID': lastEventId }),
    },
    signal: signal ?? null,
  });
  if (!response.ok || response.body === null) throw new Error(`the events answered with status ${response.status}`);
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  let text = '';
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const blocks = (text + decoder.decode(value, { stream: true })).split('\n\n');
      text = blocks.pop() ?? '';
      for (const block of blocks) {
        const event = parseEvent(block);
        if (event !== undefined) yield event;
      }
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}

/** Undefined for comments and the like. The server writes one line for each field. */
function parseEvent(block: string): StreamedEvent | undefined {
  const data = /^data: (.*)$/m.exec(block)?.[1];
  const type = /^event: (.*)$/m.exec(block)?.[1];
  if (data === undefined) return undefined;
  if (type === 'gap') return { type };
  return type === 'status'
    ? { type, tick: JSON.parse(data) as StatusTick }
    : { type: 'event', event: JSON.parse(data) as Event };
}
