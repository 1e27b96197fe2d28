import type { Scenario } from '../scenario.ts';
import { ratios, spread, summarize } from '../statistics.ts';
import type { Subject } from '../subject.ts';
import { measureThroughput, type Throughput } from './throughput.ts';

const LOAD = { path: '/', connections: 64 };
const PERIOD_MS = 1000;
const MIN_RATIO = 0.97;

/** Asks for the metrics until stopped; `stop` throws when an answer was not what it should be, or none came. */
function scrape({ primary }: Subject): () => Promise<void> {
  const answers: Promise<boolean>[] = [];
  const ask = (): void => {
    answers.push(
      fetch(`http://127.0.0.1:${primary!.adminPort}/metrics`)
        .then(async (response) => response.ok && (await response.text()).includes('portico_requests_total'))
        .catch(() => false),
    );
  };
  ask();
  const timer = setInterval(ask, PERIOD_MS);
  return async () => {
    clearInterval(timer);
    if ((await Promise.all(answers)).includes(false)) throw new Error('/metrics did not answer with metrics');
  };
}

export const metricsCost: Scenario = {
  name: 'metrics',
  needs: ['portico'],
  run: async (bench) => {
    const subject = bench.subjects.find(({ role }) => role === 'portico')!;
    const without: Throughput[] = [];
    const scraped: Throughput[] = [];
    await measureThroughput(bench, subject, LOAD, 1);
    for (let round = 0; round < bench.options.rounds; round++) {
      // Which comes first changes, so that a drift of the machine favours neither.
      for (const isScraped of round % 2 === 0 ? [false, true] : [true, false]) {
        const stop = isScraped ? scrape(subject) : undefined;
        (isScraped ? scraped : without).push(await measureThroughput(bench, subject, LOAD));
        await stop?.();
      }
    }
    const rates = (results: readonly Throughput[]): number[] => results.map((result) => result.requestsPerSecond);
    const cpu = (results: readonly Throughput[]): number[] => results.map((result) => result.cpuPerRequest);
    const { median } = summarize(ratios(rates(scraped), rates(without)));
    return {
      title: 'What metrics cost',
      text: 'Keep-alive requests with `GET /metrics` every second, fifteen times as often as a usual scrape interval of 15 s, and without. Counting itself is always on.',
      columns: ['', 'requests/s', '× not scraped', 'CPU µs per request', '× not scraped'],
      rows: [
        ['not scraped', spread(rates(without), 0), '', spread(cpu(without), 1), ''],
        [
          'scraped every second',
          spread(rates(scraped), 0),
          spread(ratios(rates(scraped), rates(without)), 3),
          spread(cpu(scraped), 1),
          spread(ratios(cpu(scraped), cpu(without)), 3),
        ],
      ],
      targets: [
        {
          what: 'requests/s, scraped against not',
          value: median.toFixed(3),
          bound: `≥ ${MIN_RATIO}`,
          isMet: median >= MIN_RATIO,
        },
      ],
    };
  },
};
