import type { ExpositionFormat } from './write-metrics.ts';

/**
 * The format that whoever scrapes likes best, from its `Accept` (RFC 9110 §12.5.1). OpenMetrics only for those who ask for it by name: tools
 * that ask for anything read the older format.
 */
export function acceptedFormat(accept: string | undefined): ExpositionFormat {
  const preferences = (accept ?? '').split(',').map((range) => {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase());
    const weight = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2);
    const version = parameters.find((parameter) => parameter.startsWith('version='))?.slice(8);
    return { type, weight: weight === undefined ? 1 : Number(weight) || 0, version };
  });
  const weightOf = (is: (type: string, version: string | undefined) => boolean): number =>
    Math.max(0, ...preferences.filter(({ type, version }) => is(type, version)).map(({ weight }) => weight));
  const openMetrics = weightOf(
    (type, version) => type === 'application/openmetrics-text' && (version === undefined || /^1(\.|$)/.test(version)),
  );
  const text = weightOf((type) => type === 'text/plain' || type === 'text/*' || type === '*/*');
  return openMetrics > 0 && openMetrics >= text ? 'openmetrics' : 'prometheus';
}
