import type { Clock, Timer } from '../../lb/clock.ts';
import type { ExpositionFormat } from './write-metrics.ts';

/** How long before a scrape its answer is begun: several times what it takes on a busy machine, and little beside any interval. */
const LEAD_MS = 200;
/** An answer made ahead that is older is made anew. */
const MOST_AGE_MS = 500;
/** Two intervals that differ by no more are of a scraper that keeps time. */
const JITTER_MS = 100;
/** Whoever asks more often gets little older answers than it would have had; below it is no scraper, but a loop. */
const LEAST_INTERVAL_MS = 1000;
/** Rarer ones are not worth remembering. */
const MOST_INTERVAL_MS = 300_000;
/** Those who scrape one Portico, and a stranger or two. */
const MOST_SCRAPERS = 8;

interface Scraper {
  lastAtMs: number;
  intervalMs: number | undefined;
  timer: Timer | undefined;
  ready: { readonly atMs: number; readonly text: Promise<Buffer> } | undefined;
}

export interface ExpectedScrapesDeps {
  readonly clock: Clock;
  readonly collect: (format: ExpositionFormat) => Promise<Buffer>;
}

/**
 * Scrapers keep time, so their answers can be made shortly before they ask: planes are asked and the text is written while nobody waits. That
 * costs what it would have cost then, and the figures are 0.2 s older. One who does not keep time, or comes too late, gets a fresh answer.
 */
export class ExpectedScrapes {
  private readonly deps: ExpectedScrapesDeps;
  /** The one that came last is the last. */
  private readonly scrapers = new Map<string, Scraper>();

  constructor(deps: ExpectedScrapesDeps) {
    this.deps = deps;
  }

  /** `from`: whatever tells one scraper from the other. Rejects as `collect` does. */
  answer(from: string, format: ExpositionFormat): Promise<Buffer> {
    const { clock, collect } = this.deps;
    const now = clock.now();
    const scraper = this.take(`${from} ${format}`);
    const { ready } = scraper;
    this.foresee(scraper, format, now);
    if (ready === undefined || now - ready.atMs > MOST_AGE_MS) return collect(format);
    return ready.text.catch(() => collect(format));
  }

  private take(key: string): Scraper {
    const scraper = this.scrapers.get(key) ?? {
      lastAtMs: Number.NEGATIVE_INFINITY,
      intervalMs: undefined,
      timer: undefined,
      ready: undefined,
    };
    this.scrapers.delete(key);
    this.scrapers.set(key, scraper);
    for (const [oldest, { timer }] of this.scrapers) {
      if (this.scrapers.size <= MOST_SCRAPERS) break;
      this.deps.clock.clear(timer);
      this.scrapers.delete(oldest);
    }
    return scraper;
  }

  private foresee(scraper: Scraper, format: ExpositionFormat, now: number): void {
    const { clock, collect } = this.deps;
    const { intervalMs: last } = scraper;
    const intervalMs = now - scraper.lastAtMs;
    clock.clear(scraper.timer);
    scraper.timer = undefined;
    scraper.ready = undefined;
    scraper.lastAtMs = now;
    scraper.intervalMs = intervalMs >= LEAST_INTERVAL_MS && intervalMs <= MOST_INTERVAL_MS ? intervalMs : undefined;
    if (scraper.intervalMs === undefined || last === undefined || Math.abs(intervalMs - last) > JITTER_MS) return;
    scraper.timer = clock.after(intervalMs - LEAD_MS, () => {
      const text = collect(format);
      // Whoever asks meanwhile is told; nobody else need know.
      text.catch(() => {});
      scraper.ready = { atMs: clock.now(), text };
      scraper.timer = clock.after(MOST_AGE_MS, () => {
        scraper.ready = undefined;
      });
    });
  }
}
