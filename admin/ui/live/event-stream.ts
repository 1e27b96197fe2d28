import { type StreamedEvent, watchEvents } from '../../client/index.ts';
import type { Api } from '../api/api.ts';

export interface EventStreamDeps {
  readonly api: Api;
  /** Resolves after so many milliseconds, or when the signal aborts. */
  readonly wait: (ms: number, signal: AbortSignal) => Promise<void>;
}

export interface EventStreamHandlers {
  readonly onOpen: () => void;
  /** It goes on by itself. */
  readonly onLost: () => void;
  readonly onEvent: (event: StreamedEvent) => void;
}

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 8000;
/** The server says something each second; what is silent for that long is a connection that died without a word. */
const SILENCE_MS = 20_000;

/** The events of the API, taken up again where they broke off. */
export class EventStream {
  private readonly deps: EventStreamDeps;
  private readonly handlers: EventStreamHandlers;
  private lastId: string | undefined = undefined;
  private nudge = new AbortController();

  constructor(deps: EventStreamDeps, handlers: EventStreamHandlers) {
    this.deps = deps;
    this.handlers = handlers;
  }

  /** Goes on for the life of the page. */
  async run(): Promise<never> {
    let pause = FIRST_PAUSE_MS;
    for (;;) {
      try {
        await this.read(() => {
          pause = FIRST_PAUSE_MS;
        });
      } catch {
        pause = Math.min(LONGEST_PAUSE_MS, pause * 2);
      }
      this.handlers.onLost();
      this.nudge = new AbortController();
      await this.deps.wait(pause, this.nudge.signal);
    }
  }

  /** Tries again at once: there is a token now, or the page is looked at again. */
  hurry(): void {
    this.nudge.abort();
  }

  private async read(onOpen: () => void): Promise<void> {
    const { api, wait } = this.deps;
    const silence = new AbortController();
    const events = watchEvents({ url: '', fetch: api.fetch }, { lastEventId: this.lastId, signal: silence.signal });
    for (let isFirst = true; ; isFirst = false) {
      const heard = new AbortController();
      void wait(SILENCE_MS, heard.signal).then(() => {
        if (!heard.signal.aborted) silence.abort();
      });
      try {
        const { done, value } = await events.next();
        if (done === true) return;
        if (isFirst) {
          onOpen();
          this.handlers.onOpen();
        }
        if (value.type === 'event') this.lastId = value.event.id;
        this.handlers.onEvent(value);
      } finally {
        heard.abort();
      }
    }
  }
}
