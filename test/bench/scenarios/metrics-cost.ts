import { runWrk } from '../load/wrk.ts';
import type { Scenario } from '../scenarios.ts';
import { ratios, summarize } from '../statistics.ts';
import { spread } from './throughput.ts';

export const metricsCost: Scenario = {
  name: 'metrics',
  run: async ({ pipelined }, { rounds, seconds }) => {
    const load = () => runWrk(`http://127.0.0.1:${pipelined.port}/`, { connections: 64, seconds });
    const without: number[] = [];
    const scraped: number[] = [];
    for (let round = 0; round < rounds; round++) {
      // Which comes first changes, so that a drift of the machine favours neither.
      for (const withScrapes of round % 2 === 0 ? [false, true] : [true, false]) {
        const scraper = withScrapes
          ? setInterval(
              () => void fetch(`http://127.0.0.1:${pipelined.port + 1}/metrics`).then((response) => response.text()),
              1000,
            )
          : undefined;
        (withScrapes ? scraped : without).push((await load()).requestsPerSecond);
        clearInterval(scraper);
      }
    }
    const { median } = summarize(ratios(scraped, without));
    return {
      title: 'What metrics cost',
      text: 'Keep-alive requests with `GET /metrics` every second, fifteen times as often as Prometheus asks by default, and without. Counting itself is always on.',
      columns: ['', 'requests/s'],
      rows: [
        ['scraped every second', spread(scraped, 0)],
        ['not scraped', spread(without, 0)],
      ],
      targets: [
        { what: 'requests/s, scraped against not', value: median.toFixed(3), bound: '≥ 0.97', isMet: median >= 0.97 },
      ],
    };
  },
};
