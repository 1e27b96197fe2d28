import t from 'tap';
import { acceptedFormat } from '../../admin/metrics/accepted-format.ts';
import { counter, gauge, type Metric } from '../../admin/metrics/metric.ts';
import { writeMetrics } from '../../admin/metrics/write-metrics.ts';

t.test('both formats', async (t) => {
  const histogram: Metric = {
    name: 'h_seconds',
    help: 'Took',
    type: 'histogram',

    suffixes: ['_bucket', '_bucket', '_sum', '_count'],
    samples: [
      [{ le: '1.0' }, 2],
      [{ le: '+Inf' }, 3],
      [{}, 4.5],
      [{}, 3],
    ],
  };
  const metrics = [
    counter('a_total', 'All\nof \\', [
      [{ x: 'q"\\\n', y: 1 }, 1],
      [{ x: 'q"\\\n', y: 1 }, 2],
    ]),
    gauge('b', 'B', [[{}, Number.POSITIVE_INFINITY]]),
    gauge('c', 'C', [[{ z: 'ü' }, 1e-7]]),
    { name: 'w', help: 'W', type: 'gauge', lines: Buffer.from('w{v="1"} 1\nw{v="2"} 2\n') } as const,
    gauge('none', 'Nothing', []),
    histogram,
  ];
  const text = String(writeMetrics(metrics, 'prometheus').finish());
  t.equal(
    text,
    [
      '# HELP a_total All\\nof \\\\',
      '# TYPE a_total counter',
      'a_total{x="q\\"\\\\\\n",y="1"} 3',
      '# HELP b B',
      '# TYPE b gauge',
      'b +Inf',
      '# HELP c C',
      '# TYPE c gauge',
      'c{z="ü"} 1e-7',
      '# HELP w W',
      '# TYPE w gauge',
      'w{v="1"} 1',
      'w{v="2"} 2',
      '# HELP none Nothing',
      '# TYPE none gauge',
      '# HELP h_seconds Took',
      '# TYPE h_seconds histogram',
      'h_seconds_bucket{le="1.0"} 2',
      'h_seconds_bucket{le="+Inf"} 3',
      'h_seconds_sum 4.5',
      'h_seconds_count 3',
      '',
    ].join('\n'),
  );
  const counters = (format: string): string => format.replaceAll(/^# (HELP|TYPE) (\w+?)_total /gm, '# $1 $2 ');
  t.equal(
    String(writeMetrics(metrics, 'openmetrics').finish()),
    counters(text),
    'the family of a counter has no suffix',
  );
});

t.test('what a scraper likes best', async (t) => {
  const table: [string | undefined, string][] = [
    [undefined, 'prometheus'],
    ['', 'prometheus'],
    ['*/*', 'prometheus'],
    ['text/plain', 'prometheus'],
    ['application/openmetrics-text', 'openmetrics'],
    ['application/openmetrics-text; version=1.0.0; charset=utf-8', 'openmetrics'],
    ['application/openmetrics-text;version=2.0.0', 'prometheus'],
    // Prometheus 2.42 and 3.
    [
      'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1',
      'openmetrics',
    ],
    ['text/plain;version=0.0.4;q=0.6,application/openmetrics-text;version=1.0.0;q=0.5', 'prometheus'],
    ['application/openmetrics-text;q=0', 'prometheus'],
    ['application/openmetrics-text;q=x,;;,', 'prometheus'],
  ];
  for (const [accept, format] of table) t.equal(acceptedFormat(accept), format, accept ?? 'nothing');
});
