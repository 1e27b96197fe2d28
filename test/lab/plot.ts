import { byProcess, type MemorySample } from './memory-trend.ts';

const WIDTH = 900;
const HEIGHT = 420;
const LEFT = 60;
const RIGHT = 150;
const TOP = 20;
const BOTTOM = 40;
const COLORS = ['#1f77b4', '#d62728', '#2ca02c', '#9467bd', '#ff7f0e', '#17becf', '#8c564b', '#7f7f7f'];
const MIB = 2 ** 20;

/**
 * Memory of each process over time, as SVG; processes of one name that follow each other have one color. `settled` are dots: after a collection
 * of all garbage.
 */
export function plotMemory(samples: readonly MemorySample[], settled: readonly MemorySample[]): string {
  const names = [...new Set(samples.map(({ name }) => name))].sort();
  const firstMs = Math.min(...samples.map(({ atMs }) => atMs));
  const lengthMs = Math.max(1, Math.max(...samples.map(({ atMs }) => atMs)) - firstMs);
  const most = Math.ceil(Math.max(...samples.map(({ bytes }) => bytes)) / MIB / 20) * 20;
  const x = (atMs: number): number => LEFT + ((atMs - firstMs) / lengthMs) * (WIDTH - LEFT - RIGHT);
  const y = (mebibytes: number): number => HEIGHT - BOTTOM - (mebibytes / most) * (HEIGHT - TOP - BOTTOM);
  const lines = byProcess(samples).map((own) => {
    const points = own.map(({ atMs, bytes }) => `${x(atMs).toFixed(1)},${y(bytes / MIB).toFixed(1)}`).join(' ');
    return `<polyline fill="none" stroke="${color(names.indexOf(own[0]!.name))}" points="${points}"/>`;
  });
  const dots = settled.map(
    ({ name, atMs, bytes }) =>
      `<circle cx="${x(atMs).toFixed(1)}" cy="${y(bytes / MIB).toFixed(1)}" r="2.5" fill="${color(names.indexOf(name))}"/>`,
  );
  const grid = Array.from({ length: 5 }, (_, i) => {
    const at = (most * i) / 4;
    return `<path d="M${LEFT} ${y(at)}H${WIDTH - RIGHT}" stroke="#ddd"/><text x="${LEFT - 6}" y="${y(at) + 4}" text-anchor="end">${at}</text>`;
  });
  const minutes = Array.from({ length: 7 }, (_, i) => {
    const atMs = firstMs + (lengthMs * i) / 6;
    return `<text x="${x(atMs)}" y="${HEIGHT - BOTTOM + 18}" text-anchor="middle">${((lengthMs * i) / 6 / 60_000).toFixed(0)}</text>`;
  });
  const legend = names.map(
    (name, i) => `<text x="${WIDTH - RIGHT + 12}" y="${TOP + 14 + i * 18}" fill="${color(i)}">${name}</text>`,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">
<title>Resident memory of each process</title>
<rect width="100%" height="100%" fill="#fff"/>
${[...grid, ...minutes, ...lines, ...dots, ...legend].join('\n')}
<text x="${LEFT}" y="${HEIGHT - 6}">minutes; resident memory in MiB, dots: after a collection of all garbage</text>
</svg>
`;
}

const color = (index: number): string => COLORS[index % COLORS.length]!;
