import fc from 'fast-check';
import t from 'tap';
import { portCells } from '../../admin/port-cells.ts';
import { portUse } from '../fixtures/fake-admin-source.ts';

t.test('cells cover the range without gaps, and every port once', async () => {
  const port = fc.integer({ min: 1, max: 65_535 });
  fc.assert(
    fc.property(port, port, fc.integer({ min: 1, max: 64 }), (a, b, most) => {
      const [low, high] = a < b ? [a, b] : [b, a];
      const used: Record<number, number> = {};
      for (let block = low >>> 7; block <= high >>> 7; block++) used[block] = block % 7;
      const cells = portCells(portUse(used), { low, high }, most);
      const sum = (of: (cell: (typeof cells)[number]) => number): number =>
        cells.reduce((all, each) => all + of(each), 0);
      return (
        cells.length <= most &&
        cells[0]!.first === low &&
        cells.at(-1)!.last === high &&
        cells.every(({ first }, i) => i === 0 || (first === cells[i - 1]!.last + 1 && first % 128 === 0)) &&
        sum(({ ports }) => ports) === high - low + 1 &&
        sum((cell) => cell.used) === Object.values(used).reduce((all, each) => all + each, 0)
      );
    }),
  );
});
