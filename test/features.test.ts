import { existsSync, readFileSync } from 'node:fs';
import t from 'tap';

const root = new URL('../../', import.meta.url);
const HEADER = 'held by';

/** The rows of the tables that name what holds them. */
function rows(): { readonly feature: string; readonly portico: string; readonly heldBy: string }[] {
  const lines = readFileSync(new URL('docs/features.md', root), 'utf8').split('\n');
  const found = [];
  let isTable = false;
  for (const line of lines) {
    const cells = line.split(/(?<!\\)\|/).map((cell) => cell.trim());
    if (cells.length < 3) isTable = false;
    else if (cells.at(-2) === HEADER) isTable = true;
    else if (isTable && !/^-+$/.test(cells[1]!)) {
      found.push({ feature: cells[1]!, portico: cells[2]!, heldBy: cells.at(-2)! });
    }
  }
  return found;
}

t.test('every feature names a test that there is', async (t) => {
  const found = rows();
  t.ok(found.length > 50, 'the tables are read');
  for (const { feature, portico, heldBy } of found) {
    if (portico.startsWith('no') && heldBy === '') continue;
    const [, path] = /^`(test\/[^`]+)`$/.exec(heldBy) ?? [];
    t.ok(path !== undefined && existsSync(new URL(path, root)), `${feature}: ${heldBy}`);
  }
});
