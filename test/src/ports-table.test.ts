import fc from 'fast-check';
import t from 'tap';
import { describeForecast, drawHeat, type PortRow, renderPorts } from '../../src/ports-table.ts';

const cell = (used: number, quarantined = 0, unusable = 0) => ({ used, quarantined, unusable, ports: 1000 });
const row = (overrides: Partial<PortRow> = {}): PortRow => ({
  pool: 'default',
  source: '127.0.1.1',
  destination: '10.0.0.5:8080',
  ports: 64_000,
  free: 63_000,
  used: 900,
  quarantined: 100,
  unusable: 0,
  exhaustion_seconds: null,
  add_addresses: 0,
  cells: Array.from({ length: 64 }, () => cell(0)),
  ...overrides,
});
const plain = { columns: 80, isAscii: false, isColoured: false };

t.test('heat lines', async (t) => {
  const shares = [0, 124, 125, 250, 375, 500, 625, 750, 875, 1000, 1200].map((used) => cell(used));
  t.equal(drawHeat(shares, 64, false), '▁▁▂▃▄▅▆▇███');
  t.equal(drawHeat(shares, 64, true), '..,:-=+*###');
  t.equal(drawHeat([cell(0), cell(500)], 1, false), '▃', 'neighbours together');
  t.equal(drawHeat([cell(250, 250)], 64, false), '▅', 'quarantine is busy');
  t.equal(drawHeat([cell(250, 0, 500), cell(0, 0, 1000)], 64, false), '▅█', 'of those that can be used');
  t.equal(drawHeat([], 64, false), '');
});

t.test('forecasts', async (t) => {
  const cases: [seconds: number | null, add: number, text: string][] = [
    [null, 0, 'never'],
    [0, 0, 'now'],
    [0, 1, 'now: add 1 address'],
    [0, 2, 'now: add 2 addresses'],
    [0.2, 2, 'in 1 s'],
    [59, 0, 'in 59 s'],
    [240, 1, 'in 4 min'],
    [7100, 1, 'in 118 min'],
    [10_800, 1, 'in 3 h'],
    [5 * 86_400, 1, 'in 5 d'],
    [1e12, 1, 'in > 99 d'],
  ];
  for (const [exhaustion_seconds, add_addresses, text] of cases) {
    t.equal(describeForecast(row({ exhaustion_seconds, add_addresses })), text);
  }
});

t.test('a table', async (t) => {
  const rows = [
    row({
      used: 63_000,
      quarantined: 1000,
      free: 0,
      exhaustion_seconds: 0,
      add_addresses: 2,
      cells: Array.from({ length: 64 }, () => cell(1000)),
    }),
    row({ source: '127.0.1.2', exhaustion_seconds: 240, cells: [cell(0), cell(600)] }),
  ];
  t.equal(
    renderPorts(rows, plain),
    `SOURCE    DESTINATION   PORTS            USED/QUAR/BAD/FREE FULL
127.0.1.1 10.0.0.5:8080 ████████████████     63000/1000/0/0 now: add 2 addresses
127.0.1.2 10.0.0.5:8080 ▁▅                  900/100/0/63000 in 4 min
`,
  );
  t.match(renderPorts(rows, { ...plain, isAscii: true }), /^[\n -~]+$/);
  t.equal(renderPorts([], plain), 'No source port is in use.\n');
  const wide = renderPorts(rows, { ...plain, columns: 300 });
  t.match(wide, new RegExp(` ${'█'.repeat(64)} `), 'no more than 64 wide');
});

t.test('colours say how full, and take no room', async (t) => {
  const rows = [row({ free: 100 }), row({ free: 15_000 }), row()];
  const coloured = renderPorts(rows, { ...plain, isColoured: true });
  const start = '\u001b';
  t.same(
    [...coloured.matchAll(/\[(3\d)m/g)].map((match) => match[1]),
    ['31', '33', '32'],
  );
  t.equal(coloured.replaceAll(new RegExp(`${start}\\[\\d+m`, 'g'), ''), renderPorts(rows, plain));
});

t.test('no line is longer than the terminal is wide', async () => {
  const port = fc.nat(65_535);
  const rows = fc.array(
    fc.record({
      source: fc.oneof(fc.ipV4(), fc.ipV6()),
      destination: fc.oneof(fc.ipV4(), fc.ipV6()).map((ip) => (ip.includes(':') ? `[${ip}]:65535` : `${ip}:65535`)),
      used: port,
      quarantined: port,
      unusable: port,
      free: port,
      exhaustion_seconds: fc.option(fc.nat()),
      add_addresses: fc.nat(999),
      cells: fc.constant(row().cells),
    }),
    { minLength: 1, maxLength: 5 },
  );
  fc.assert(
    fc.property(rows, fc.integer({ min: 80, max: 250 }), (some, columns) => {
      const lines = renderPorts(some.map(row), { ...plain, columns })
        .trimEnd()
        .split('\n');
      return lines.length === some.length + 1 && lines.every((line) => line.length <= columns);
    }),
  );
});
