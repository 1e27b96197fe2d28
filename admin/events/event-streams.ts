import type { ServerResponse } from 'node:http';
import type { Clock, Timer } from '../../lb/clock.ts';
import type { AdminEvent } from './admin-event.ts';
import type { EventsSource } from './events-source.ts';
import type { StatusTicker } from './status-ticker.ts';

export interface EventStreamsDeps {
  readonly clock: Clock;
  readonly events: EventsSource;
  readonly ticker: StatusTicker;
}

export interface EventStreamsOptions {
  /** Streams at once. Default 256: an operator has a few, and each costs a write a second. */
  readonly maxStreams?: number;
}

export interface StreamWish {
  /** From where to go on; undefined: from now. */
  readonly lastEventId: string | undefined;
  /** Types of events that are wanted; undefined: all. */
  readonly types: ReadonlySet<string> | undefined;
}

const MAX_STREAMS = 256;
const HEARTBEAT_MS = 15_000;
/** More than all kept events come to; who is further behind does not read. */
const MAX_BEHIND_BYTES = 1024 * 1024;
/** Of the ticks, only those that can go out at once are any use. */
const MAX_TICK_BEHIND_BYTES = 16 * 1024;
const RETRY_MS = 2000;

/** The open streams of server-sent events. */
export class EventStreams {
  private readonly deps: EventStreamsDeps;
  private readonly maxStreams: number;
  private readonly open = new Set<ServerResponse>();
  private heartbeat: Timer | undefined = undefined;

  constructor(deps: EventStreamsDeps, options: EventStreamsOptions = {}) {
    this.deps = deps;
    this.maxStreams = options.maxStreams ?? MAX_STREAMS;
  }

  get isFull(): boolean {
    return this.open.size >= this.maxStreams;
  }

  /** `response` has its head; it is written to until its client leaves or falls behind. */
  start(response: ServerResponse, { lastEventId, types }: StreamWish): void {
    const { clock, events, ticker } = this.deps;
    const wants = (type: string): boolean => types === undefined || types.has(type);
    this.open.add(response);
    this.heartbeat ??= clock.every(HEARTBEAT_MS, () => {
      for (const each of this.open) send(each, ': \n\n');
    });
    response.write(`retry: ${RETRY_MS}\n\n`);
    if (lastEventId !== undefined) {
      const missed = events.after(lastEventId);
      if (missed.isGap) send(response, 'event: gap\ndata: {}\n\n');
      for (const event of missed.events) if (wants(event.type)) send(response, frame(event));
    }
    const ends = [
      events.subscribe((event) => {
        if (wants(event.type)) send(response, frame(event));
      }),
    ];
    if (wants('status')) {
      ends.push(
        ticker.subscribe((json) => {
          if (response.writableLength < MAX_TICK_BEHIND_BYTES) send(response, `event: status\ndata: ${json}\n\n`);
        }),
      );
    }
    response.once('close', () => {
      for (const end of ends) end();
      this.open.delete(response);
      if (this.open.size > 0) return;
      clock.clear(this.heartbeat);
      this.heartbeat = undefined;
    });
  }
}

/** Cuts off who does not keep up: it comes back and says where it was. */
function send(response: ServerResponse, text: string): void {
  if (response.destroyed) return;
  response.write(text);
  if (response.writableLength > MAX_BEHIND_BYTES) response.destroy();
}

function frame(event: AdminEvent): string {
  return `id: ${event.id}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
}
