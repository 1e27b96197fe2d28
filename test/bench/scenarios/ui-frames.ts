import type { Browser, Page } from 'puppeteer-core';
import type { PortMetrics } from '../../../lb/metrics/plane-metrics.ts';
import { adminServerOf } from '../../fixtures/admin-app.ts';
import { noBrowser, openPage, startBrowser, until } from '../../fixtures/browser.ts';
import { FakeAdminSource, planeMetrics, portUse, sourceStatus } from '../../fixtures/fake-admin-source.ts';
import type { Scenario } from '../scenario.ts';
import { percentile, summarize } from '../statistics.ts';

const DESTINATIONS = 10_000;
const SOURCES = 4;
const MAX_FRAME_MS = 33;
const MAX_PAINT_MS = 1000;
const PAGES = ['overview', 'ports', 'backends', 'routes', 'setup', 'config', 'events'] as const;
/** Of the wheel, a frame. */
const SCROLL_PIXELS = 24;

/** A primary with that many destinations, of which a part changes between any two looks. */
class ChangingSource extends FakeAdminSource {
  private looks = 0;
  private readonly ports: PortMetrics[];

  constructor() {
    super();
    this.list = Array.from({ length: SOURCES }, (_, s) => sourceStatus({ address: `10.0.0.${s + 1}`, ports: 64_512 }));
    this.ports = this.list.flatMap(({ address }, s) =>
      Array.from({ length: DESTINATIONS }, (_, d) => ({
        pool: 'default',
        source: address,
        destination: `10.1.${d >> 8}.${d & 255}:80`,
        leases: d + s,
        free: 1000,
        used: (d * 7 + s) % 900,
        quarantined: d % 40,
        unusable: 0,
      })),
    );
    this.ahead = this.ports.map((port) => ({
      ...port,
      busy: port.used + port.quarantined,
      capacity: 64_512,
      leaseRate: 10,
      holdSeconds: 2,
      exhaustionSeconds: 1000 + port.used / 7,
      addAddresses: 0,
    }));
  }

  override traffic(): ReturnType<FakeAdminSource['traffic']> {
    this.looks++;
    for (let i = this.looks % 10; i < this.ports.length; i += 10) {
      const port = this.ports[i]!;
      this.ports[i] = { ...port, used: (port.used + 1 + (i % 5)) % 900 };
    }
    const plane = planeMetrics(this.looks, { ports: this.ports });
    this.current = { planes: new Map([['plane-1', plane]]), retired: undefined, isComplete: true };
    return super.traffic();
  }

  override portUse({ source, destination }: Parameters<FakeAdminSource['portUse']>[0]) {
    const used = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [i + 8, (i * 7 + this.looks) % 128]));
    return Promise.resolve([
      portUse(used, {
        ...(source === undefined ? {} : { source }),
        ...(destination === undefined ? {} : { destination }),
      }),
    ]);
  }
}

interface Frames {
  readonly frames: number[];
  /** Milliseconds of each task that took more than 50. */
  readonly long: number[];
}

/** Frame after frame for so many seconds, while the table is scrolled or left alone. What runs in the page is text: see `until`. */
async function watchFrames(page: Page, seconds: number, scrollPixels: number): Promise<Frames> {
  return (await page.evaluate(`new Promise((resolve) => {
    const box = document.querySelector('.virtual-box');
    const frames = [];
    const long = [];
    const watch = new PerformanceObserver((list) => long.push(...list.getEntries().map((entry) => entry.duration)));
    watch.observe({ type: 'longtask' });
    const end = performance.now() + ${seconds * 1000};
    let last = performance.now();
    const step = (now) => {
      frames.push(now - last);
      last = now;
      box.scrollTop += ${scrollPixels};
      if (now < end) requestAnimationFrame(step);
      else { watch.disconnect(); resolve({ frames: frames.slice(1), long }); }
    };
    requestAnimationFrame(step);
  })`)) as Frames;
}

/** Milliseconds from the start of the navigation to the first text or picture, with an empty cache each time. */
async function firstPaints(browser: Browser, url: string, rounds: number): Promise<number[]> {
  const paints: number[] = [];
  for (let i = 0; i < rounds; i++) {
    for (const name of PAGES) {
      const { page } = await openPage(browser, `${url}/#/${name}`);
      await until(page, `document.querySelector('main h1') !== null`);
      const paint = `new Promise((resolve) => {
        const look = () => {
          const entry = performance.getEntriesByName('first-contentful-paint')[0];
          if (entry === undefined) requestAnimationFrame(look);
          else resolve(entry.startTime);
        };
        look();
      })`;
      paints.push((await page.evaluate(paint)) as number);
      await page.browserContext().close();
    }
  }
  return paints;
}

/** The pages in a headless browser without a graphics card: whether they stay fluid with very many destinations. */
export const uiFrames: Scenario = {
  name: 'ui-frames',
  needs: [],
  run: async ({ options }) => {
    if (noBrowser !== undefined) throw new Error(noBrowser);
    const server = adminServerOf(new ChangingSource(), { listen: { host: '127.0.0.1', port: 0 } });
    const url = await server.start();
    const browser = await startBrowser();
    try {
      const paints = await firstPaints(browser, url, options.rounds);
      const { page } = await openPage(browser, `${url}/#/ports`);
      await until(page, `document.querySelector('canvas[role=img]') !== null`);
      const seconds = options.seconds * 2;
      const still = await watchFrames(page, seconds, 0);
      const scrolled = await watchFrames(page, seconds, SCROLL_PIXELS);
      const rows: string[][] = [
        ['Ports, scrolled', scrolled],
        ['Ports, left alone', still],
      ].map(([name, result]) => describe(name as string, result as Frames));
      const p95 = percentile(sorted(scrolled.frames), 0.95);
      const paint = summarize(paints);
      return {
        title: 'The pages in a browser',
        text: `Headless Chromium without a graphics card, 1280 × 900, with ${DESTINATIONS.toLocaleString('en')} destinations from ${SOURCES} source addresses, of which a tenth changes between any two looks. Time from frame to frame for ${seconds} s each, scrolled by ${SCROLL_PIXELS} pixels a frame; the admin server and what drives the browser run on the same machine. First paint of all ${PAGES.length} pages with an empty cache, ${options.rounds} times: ${paint.median.toFixed(0)} ms (${paint.min.toFixed(0)}–${paint.max.toFixed(0)}).`,
        columns: ['', 'frames', 'median ms', 'p95 ms', 'p99 ms', 'longest ms', 'tasks over 50 ms'],
        rows,
        targets: [
          {
            what: `p95 of a frame, scrolling through ${DESTINATIONS.toLocaleString('en')} destinations`,
            value: `${p95.toFixed(1)} ms`,
            bound: `≤ ${MAX_FRAME_MS} ms`,
            isMet: p95 <= MAX_FRAME_MS,
          },
          {
            what: 'first paint (longest)',
            value: `${paint.max.toFixed(0)} ms`,
            bound: `≤ ${MAX_PAINT_MS} ms`,
            isMet: paint.max <= MAX_PAINT_MS,
          },
        ],
      };
    } finally {
      await browser.close();
      await server.stop();
    }
  },
};

const sorted = (values: readonly number[]): number[] => [...values].sort((a, b) => a - b);

function describe(name: string, { frames, long }: Frames): string[] {
  const all = sorted(frames);
  const at = (share: number): string => percentile(all, share).toFixed(1);
  return [name, String(all.length), at(0.5), at(0.95), at(0.99), at(1), String(long.length)];
}
