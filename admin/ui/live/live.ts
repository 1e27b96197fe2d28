import { computed, type ReadonlySignal, signal } from '@preact/signals';
import type { Api } from '../api/api.ts';
import type { Overview } from '../api/types.ts';
import { type Attention, attentionOf } from '../model/attention.ts';
import { History } from '../model/history.ts';
import { type Rates, ratesBetween } from '../model/rates.ts';
import { Poller, type PollerDeps } from './poller.ts';

export type Link = 'connecting' | 'live' | 'lost';

/** Rates rest on so many looks, which are a second apart: shorter ones jump, longer ones lag. */
const RATE_LOOKS = 4;

/** What every page may need, new each second. */
export class Live {
  readonly overview = signal<Overview | undefined>(undefined);
  readonly rates = signal<Rates | undefined>(undefined);
  readonly link = signal<Link>('connecting');
  readonly attention: ReadonlySignal<readonly Attention[]>;
  readonly history = new History();
  private readonly looks: Overview[] = [];
  private readonly poller: Poller;
  private readonly api: Api;

  constructor(api: Api, deps: PollerDeps & { readonly unixSeconds: () => number }) {
    this.api = api;
    this.attention = computed(() => {
      const overview = this.overview.value;
      return overview === undefined ? [] : attentionOf(overview, this.rates.value?.all.failed ?? 0);
    });
    this.poller = new Poller(
      deps,
      async (aborted) => {
        try {
          this.take(await this.api.get<Overview>('/overview', aborted), deps.unixSeconds());
        } catch {
          if (!aborted.aborted) this.link.value = 'lost';
        }
      },
      1000,
    );
  }

  start(): void {
    this.poller.start();
  }

  stop(): void {
    this.poller.stop();
  }

  hurry(): void {
    this.poller.hurry();
  }

  private take(overview: Overview, unixSeconds: number): void {
    const last = this.looks.at(-1);
    // Portico was started again: what was counted before is not comparable.
    if (last !== undefined && overview.uptime_seconds < last.uptime_seconds) this.looks.length = 0;
    const latest = last === undefined ? undefined : ratesBetween(last, overview);
    this.looks.push(overview);
    if (this.looks.length > RATE_LOOKS) this.looks.shift();
    if (latest !== undefined) this.history.add(unixSeconds, overview, latest);
    const first = this.looks[0]!;
    this.rates.value = ratesBetween(first, overview);
    this.overview.value = overview;
    this.link.value = 'live';
  }
}
