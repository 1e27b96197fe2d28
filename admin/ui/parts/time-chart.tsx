import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';

export interface Series {
  readonly label: string;
  /** A custom property of the style sheet. */
  readonly color: string;
  readonly values: readonly (number | null)[];
  readonly isFilled?: boolean;
}

export interface TimeChartProps {
  readonly title: string;
  /** Unix seconds. */
  readonly time: readonly number[];
  readonly series: readonly Series[];
  readonly format: (value: number) => string;
}

const HEIGHT = 168;
/** It grows with what there is to show. */
const MIN_WINDOW_SECONDS = 60;
const MAX_WINDOW_SECONDS = 300;

/** Lines over the last five minutes. The current values are in the legend as text, so the drawing itself is decoration to a screen reader. */
export function TimeChart({ title, time, series, format }: TimeChartProps) {
  const box = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot | null>(null);
  const labels = series.map(({ label }) => label).join('\n');

  useEffect(() => {
    const element = box.current!;
    const make = (): void => {
      chart.current?.destroy();
      chart.current = new uPlot(options(element, series, format), [[], ...series.map(() => [])], element);
      draw();
    };
    make();
    const resized = new ResizeObserver(() => chart.current?.setSize({ width: element.clientWidth, height: HEIGHT }));
    resized.observe(element);
    const schemes = matchMedia('(prefers-color-scheme: dark)');
    const themes = new MutationObserver(make);
    themes.observe(document.documentElement, { attributeFilter: ['data-theme'] });
    schemes.addEventListener('change', make);
    return () => {
      resized.disconnect();
      themes.disconnect();
      schemes.removeEventListener('change', make);
      chart.current?.destroy();
      chart.current = null;
    };
  }, [labels]);

  const draw = (): void => {
    chart.current?.setData([[...time], ...series.map(({ values }) => [...values])] as uPlot.AlignedData, false);
    const end = time.at(-1) ?? 0;
    const span = Math.min(MAX_WINDOW_SECONDS, Math.max(MIN_WINDOW_SECONDS, end - (time[0] ?? end)));
    chart.current?.setScale('x', { min: end - span, max: end });
  };
  useEffect(draw);

  return (
    <figure class="chart">
      <figcaption>
        <span class="chart-title">{title}</span>
        <span class="legend">
          {series.map(({ label, color, values }) => {
            const last = values.at(-1);
            return (
              <span key={label} class="legend-item">
                <span class="legend-swatch" style={{ background: `var(${color})` }} />
                {label} <b>{last === null || last === undefined ? '–' : format(last)}</b>
              </span>
            );
          })}
        </span>
      </figcaption>
      <div ref={box} class="chart-box" aria-hidden="true" />
    </figure>
  );
}

function options(element: HTMLElement, series: readonly Series[], format: (value: number) => string): uPlot.Options {
  const ink = colorOf(element, '--muted');
  const grid = { stroke: colorOf(element, '--line'), width: 1 };
  const font = `11px ${getComputedStyle(element).fontFamily}`;
  return {
    width: Math.max(1, element.clientWidth),
    height: HEIGHT,
    legend: { show: false },
    cursor: { show: false },
    padding: [10, 4, 0, 0],
    scales: { x: { time: true }, y: { range: (_, __, max) => [0, max > 0 ? max * 1.15 : 1] } },
    axes: [
      { stroke: ink, grid: { show: false }, ticks: { show: false }, font, size: 24, space: 90, values: clockLabels },
      {
        stroke: ink,
        grid,
        ticks: { show: false },
        font,
        size: 56,
        space: 34,
        values: (_, splits) => splits.map((value) => format(value)),
      },
    ],
    series: [
      {},
      ...series.map(({ label, color, isFilled = false }) => {
        const stroke = colorOf(element, color);
        return {
          label,
          stroke,
          width: 1.5,
          points: { show: false },
          ...(isFilled ? { fill: colorOf(element, `${color}-soft`) } : {}),
        };
      }),
    ],
  };
}

/** With seconds where there is more than one label a minute. */
const clockLabels: uPlot.Axis.DynamicValues = (_, splits) => {
  const timeStyle = splits.length > 1 && splits[1]! - splits[0]! < 60 ? 'medium' : 'short';
  return splits.map((unixSeconds) => new Date(unixSeconds * 1000).toLocaleTimeString('en-GB', { timeStyle }));
};

/** A canvas takes only colours that are resolved: a custom property may hold `light-dark()`. */
function colorOf(element: HTMLElement, property: string): string {
  const probe = document.createElement('span');
  probe.style.color = `var(${property})`;
  element.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}
