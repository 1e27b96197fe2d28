import t from 'tap';
import { report } from './bench/report.ts';
import { ratios, summarize } from './bench/statistics.ts';

t.test('median, spread and ratios', async (t) => {
  t.same(summarize([3, 1, 2]), { median: 2, min: 1, max: 3 });
  t.same(summarize([4, 1, 2, 3]), { median: 2.5, min: 1, max: 4 });
  t.same(summarize([7]), { median: 7, min: 7, max: 7 });
  t.same(ratios([2, 9], [1, 3]), [2, 3]);
});

t.test('the report says what was missed', async (t) => {
  const text = report([
    {
      title: 'T',
      text: 'what',
      columns: ['a', 'b'],
      rows: [['1', '2']],
      targets: [
        { what: 'x', value: '1.5', bound: '≥ 1', isMet: true },
        { what: 'y', value: '0.5', bound: '≥ 1', isMet: false },
      ],
    },
  ]);
  t.equal(
    text,
    '## T\n\nwhat\n\n| a | b |\n| --- | --- |\n| 1 | 2 |\n\n- reached: x 1.5 (target ≥ 1)\n- **missed**: y 0.5 (target ≥ 1)\n\n',
  );
});
