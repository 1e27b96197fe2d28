import { compileRegex } from '../../config/regex.ts';
import type { ValueMatch } from '../../config/route-config.ts';

/** Whether a value, undefined where there is none, is what the route wants. */
export type ValueCondition = (value: string | undefined) => boolean;

export function compileValueMatch(match: ValueMatch): ValueCondition {
  if ('exact' in match) return (value) => value === match.exact;
  if ('prefix' in match) return (value) => value?.startsWith(match.prefix) === true;
  if ('regex' in match) {
    const regex = compileRegex(match.regex);
    return (value) => value !== undefined && regex.test(value);
  }
  const isWanted = match.is === 'present';
  return (value) => (value !== undefined) === isWanted;
}
