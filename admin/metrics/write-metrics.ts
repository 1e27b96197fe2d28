import type { Labels, Metric } from './metric.ts';
import { TextBuffer } from './text-buffer.ts';

/** The Prometheus text format 0.0.4, or OpenMetrics 1.0. */
export type ExpositionFormat = 'prometheus' | 'openmetrics';

/** Metrics as text, without what ends an OpenMetrics exposition. A family without samples tells of itself all the same. */
export function writeMetrics(metrics: readonly Metric[], format: ExpositionFormat): TextBuffer {
  const written = new TextBuffer(
    metrics.reduce(
      (sum, metric) => sum + ('lines' in metric ? metric.lines.length : metric.samples.length * 128),
      4096,
    ),
  );
  for (const metric of metrics) {
    const { name, help, type } = metric;
    // OpenMetrics names a counter without its suffix.
    const family = format === 'openmetrics' && type === 'counter' ? name.replace(/_total$/, '') : name;
    written.addText(`# HELP ${family} ${escapeHelp(help)}\n# TYPE ${family} ${type}\n`);
    if ('lines' in metric) {
      written.addBytes(metric.lines);
      continue;
    }
    const { samples, suffixes } = metric;
    const values = new Map<string, number>();
    samples.forEach(([labels, value], i) => {
      const key = `${name}${suffixes?.[i] ?? ''}${writeLabels(labels)}`;
      const known = values.get(key);
      values.set(key, known === undefined ? value : known + value);
    });
    for (const [key, value] of values) written.addText(`${key} ${writeNumber(value)}\n`);
  }
  return written;
}

/** `{name="value",…}`; nothing for none. */
export function writeLabels(labels: Labels): string {
  let text = '';
  for (const name in labels) text += `${text === '' ? '{' : ','}${name}="${escapeLabel(String(labels[name]))}"`;
  return text === '' ? '' : `${text}}`;
}

const TO_ESCAPE = /[\\"\n]/;

function escapeLabel(value: string): string {
  if (!TO_ESCAPE.test(value)) return value;
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}

function escapeHelp(help: string): string {
  return help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}

export function writeNumber(value: number): string {
  if (Number.isFinite(value)) return String(value);
  return Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf';
}
