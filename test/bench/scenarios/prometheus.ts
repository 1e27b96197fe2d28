import { fileURLToPath } from 'node:url';
import { RunningPrometheus } from '../../fixtures/running-prometheus.ts';
import { nextMessage } from '../children.ts';
import { type OpenLoopResult, runOpenLoop } from '../load/open-loop.ts';
import { cpuMicroseconds } from '../process-usage.ts';
import type { Bench, Scenario } from '../scenario.ts';
import { percentile, summarize } from '../statistics.ts';
import type { Subject } from '../subject.ts';
import { startPorticoWith } from '../subjects/portico.ts';

/** Counted from the first port of the benchmark. */
const PORT = 180;
const SERVER_PORT = 182;
const PROMETHEUS_PORT = 183;
const BACKENDS = 100;
const SOURCES = 20;
const INTERVAL_SECONDS = 5;
/** What a scrape costs a plane is counted over so many, one after the other, with nothing else to do. */
const COUNTED_SCRAPES = 100;
/** Prometheus's own default; the cost of a scrape is set against it. */
const USUAL_INTERVAL_SECONDS = 15;
const LOAD = { rate: 2000, connections: 64 };
const MAX_MS = 50;
const MAX_SHARE = 0.01;
const RULES = fileURLToPath(new URL('../../../../config/prometheus-rules.yaml', import.meta.url));

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const hosts = Array.from({ length: BACKENDS }, (_, i) => `127.0.2.${i + 1}`);

function config(port: number, serverPort: number): string {
  const backend = (host: string, i: number) => `  - { name: app${i}, servers: [{ address: "${host}:${serverPort}" }] }`;
  return `sources: [{ name: default, addresses: [127.0.1.1-127.0.1.${SOURCES}] }]
listeners:
  - name: web
    bind: 127.0.0.1:${port}
    routes: [{ split: [${hosts.map((_, i) => `{ backend: app${i}, weight: 1 }`).join(', ')}] }]
backends:
${hosts.map(backend).join('\n')}
`;
}

/** Share of a core that the plane took while the load ran. */
async function loaded(
  { children }: Bench,
  { port, pid }: Subject,
  seconds: number,
): Promise<OpenLoopResult & { share: number }> {
  const started = performance.now();
  const before = cpuMicroseconds(pid);
  const result = await runOpenLoop(children, { ...LOAD, port, seconds });
  return { ...result, share: (cpuMicroseconds(pid) - before) / 1000 / (performance.now() - started) };
}

/** CPU milliseconds of the plane for one scrape, without what it does anyway in that time. */
async function costOfScrape({ pid, primary }: Subject): Promise<number> {
  const url = `http://127.0.0.1:${primary!.adminPort}/metrics`;
  const started = performance.now();
  const before = cpuMicroseconds(pid);
  for (let i = 0; i < COUNTED_SCRAPES; i++) await (await fetch(url)).arrayBuffer();
  const took = performance.now() - started;
  const busy = cpuMicroseconds(pid) - before;
  const idleBefore = cpuMicroseconds(pid);
  await wait(took);
  return Math.max(0, busy - (cpuMicroseconds(pid) - idleBefore)) / 1000 / COUNTED_SCRAPES;
}

async function measure(bench: Bench, subject: Subject) {
  const { scrapeSeconds, basePort } = bench.options;
  const quiet = Math.max(4, Math.round(scrapeSeconds / 4));
  await loaded(bench, subject, 2);
  const without = [await loaded(bench, subject, quiet)];
  const prometheus = new RunningPrometheus({
    port: basePort + PROMETHEUS_PORT,
    target: `127.0.0.1:${subject.primary!.adminPort}`,
    intervalSeconds: INTERVAL_SECONDS,
    ruleFile: RULES,
  });
  try {
    await prometheus.until(
      () => prometheus.query('up{job="portico"}'),
      ([up]) => up === 1,
    );
    const scraped = await loaded(bench, subject, scrapeSeconds);
    const up = await prometheus.samples('up{job="portico"}[1h]');
    const durations = (await prometheus.samples('scrape_duration_seconds{job="portico"}[1h]')).map((s) => s * 1000);
    const [series = 0] = await prometheus.query('scrape_samples_scraped{job="portico"}');
    await prometheus.stop();
    without.push(await loaded(bench, subject, quiet));
    return { without, scraped, up, durations, series, costMs: await costOfScrape(subject) };
  } finally {
    await prometheus.stop();
  }
}

/** A real Prometheus scrapes a Portico under load; `--scrape-seconds` says for how long. */
export const prometheus: Scenario = {
  name: 'prometheus',
  needs: [],
  run: async (bench) => {
    const { children, options, directory } = bench;
    const port = options.basePort + PORT;
    const serverPort = options.basePort + SERVER_PORT;
    const server = children.fork(new URL('../backend.js', import.meta.url), [String(serverPort), hosts.join(',')]);
    await nextMessage(server);
    const subject = await startPorticoWith(
      { role: 'portico', port, servers: [], directory, children, isPinned: options.isPinned },
      config(port, serverPort),
    );
    try {
      const { without, scraped, up, durations, series, costMs } = await measure(bench, subject);
      const sorted = [...durations].sort((a, b) => a - b);
      const failed = up.filter((value) => value !== 1).length;
      const { median } = summarize(durations);
      const share = costMs / (USUAL_INTERVAL_SECONDS * 1000);
      const errors = [...without, scraped].reduce((sum, each) => sum + each.errors, 0);
      const percent = (value: number): string => `${(value * 100).toFixed(2)} %`;
      return {
        title: 'A real Prometheus',
        text: `Prometheus scrapes every ${INTERVAL_SECONDS} s for ${options.scrapeSeconds} s, and evaluates the rules that come with Portico, while ${LOAD.rate.toLocaleString('en')} requests a second go over ${LOAD.connections} connections to ${BACKENDS} backends from ${SOURCES} source addresses. A scrape takes as long as Prometheus says (\`scrape_duration_seconds\`). What one costs the plane is counted apart, over ${COUNTED_SCRAPES} of them without load, as the difference under load is below what such a run can tell; it is set against an interval of ${USUAL_INTERVAL_SECONDS} s.`,
        columns: ['', 'value'],
        rows: [
          ['scrapes, failed', `${up.length}, ${failed}`],
          ['series', series.toLocaleString('en')],
          [
            'scrape, ms: median, p95, longest',
            `${median.toFixed(1)}, ${percentile(sorted, 0.95).toFixed(1)}, ${sorted.at(-1)!.toFixed(1)}`,
          ],
          [
            'plane, share of a core: not scraped, scraped, not scraped',
            [without[0]!, scraped, without[1]!].map((each) => percent(each.share)).join(', '),
          ],
          [
            'p99 µs: not scraped, scraped, not scraped',
            [without[0]!, scraped, without[1]!].map((each) => each.p99Us.toFixed(0)).join(', '),
          ],
          ['CPU ms of the plane for a scrape', costMs.toFixed(2)],
          [
            'requests, failed',
            `${(scraped.requests + without[0]!.requests + without[1]!.requests).toLocaleString('en')}, ${errors}`,
          ],
        ],
        targets: [
          { what: 'failed scrapes', value: String(failed), bound: '0', isMet: failed === 0 },
          { what: 'failed requests', value: String(errors), bound: '0', isMet: errors === 0 },
          {
            what: 'a scrape (median)',
            value: `${median.toFixed(1)} ms`,
            bound: `≤ ${MAX_MS} ms`,
            isMet: median <= MAX_MS,
          },
          {
            what: 'load of scraping on a plane',
            value: `${percent(share)} of a core`,
            bound: `≤ ${percent(MAX_SHARE)}`,
            isMet: share <= MAX_SHARE,
          },
        ],
      };
    } finally {
      await subject.stop();
      await children.end(server);
    }
  },
};
