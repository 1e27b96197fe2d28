import { computed, type ReadonlySignal, signal } from '@preact/signals';
import type { StreamedEvent } from '../../client/index.ts';
import type { Overview, PorticoEvent, StatusTick } from '../api/answers.ts';
import { type Api, dataOf } from '../api/api.ts';
import { type Attention, attentionOf } from '../model/attention.ts';
import { History } from '../model/history.ts';
import { EventStream } from './event-stream.ts';
import { Poller, type PollerDeps } from './poller.ts';

export type Link = 'connecting' | 'live' | 'lost';

/** Events tell of changes at once; this is for what creeps up, such as a forecast. */
const OVERVIEW_MS = 3000;
const KEPT_EVENTS = 500;

/** What every page may need, as the server tells it: a tick each second, and what happens when it happens. */
export class Live {
  readonly overview = signal<Overview | undefined>(undefined);
  readonly tick = signal<StatusTick | undefined>(undefined);
  readonly link = signal<Link>('connecting');
  /** Since this page was opened, the latest first. */
  readonly events = signal<readonly PorticoEvent[]>([]);
  readonly attention: ReadonlySignal<readonly Attention[]>;
  readonly history = new History();
  private readonly poller: Poller;
  private readonly stream: EventStream;

  constructor(api: Api, deps: PollerDeps) {
    this.attention = computed(() => {
      const overview = this.overview.value;
      const tick = this.tick.value;
      if (overview === undefined) return [];
      const rate = tick?.requests_per_second ?? 0;
      return attentionOf(overview, rate === 0 ? 0 : tick!.errors_per_second / rate);
    });
    this.poller = new Poller(
      deps,
      async (aborted) => {
        try {
          this.overview.value = await dataOf(api.client.GET('/api/v1/overview', { signal: aborted }));
        } catch {
          // That there is no answer shows in the state of the stream.
        }
      },
      OVERVIEW_MS,
    );
    this.stream = new EventStream(
      { api, wait: deps.wait },
      {
        onOpen: () => {
          this.link.value = 'live';
          this.poller.hurry();
        },
        onLost: () => {
          this.link.value = 'lost';
        },
        onEvent: (event) => this.take(event),
      },
    );
  }

  start(): void {
    this.poller.start();
    void this.stream.run();
  }

  hurry(): void {
    this.poller.hurry();
    this.stream.hurry();
  }

  private take(streamed: StreamedEvent): void {
    switch (streamed.type) {
      case 'status':
        this.history.add(streamed.tick);
        this.tick.value = streamed.tick;
        return;
      case 'gap':
        this.poller.hurry();
        return;
      case 'event':
        this.events.value = [streamed.event, ...this.events.value].slice(0, KEPT_EVENTS);
        this.poller.hurry();
        return;
      default:
        streamed satisfies never;
    }
  }
}
