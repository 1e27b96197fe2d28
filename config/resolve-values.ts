import type { StatusRanges } from './backend-config.ts';
import type { ReadText } from './certificate-files.ts';
import { parseDuration } from './duration.ts';
import { type Endpoint, parseEndpoint } from './endpoint.ts';
import type { Path } from './finding.ts';
import { parseSize } from './size.ts';

// What valid values of portico.yaml stand for, with their defaults.

export interface LoadContext {
  /** For messages. */
  readonly file: string;
  /** What relative paths are relative to. */
  readonly directory: string;
  /** What `auto` means. */
  readonly cpuCount: number;
  /** Reads a certificate or key; throws as `fs` does. Absent: such files are not looked at. */
  readonly readText?: ReadText;
}

export type Report = (path: Path, message: string) => void;

const NOWHERE: Endpoint = { host: '0.0.0.0', port: 0 };

export function duration(value: string | 0 | undefined, initial: string): number {
  return value === 0 ? 0 : parseDuration(value ?? initial)!;
}

export function size(value: string | number | undefined, initial: string): number {
  return typeof value === 'number' ? value : parseSize(value ?? initial)!;
}

export function auto(value: 'auto' | number | undefined, { cpuCount }: LoadContext): number {
  return value === undefined || value === 'auto' ? cpuCount : value;
}

export function endpoint(text: string, path: Path, report: Report): Endpoint {
  const parsed = parseEndpoint(text);
  if (parsed === undefined) report(path, `"${text}" is not an address and port such as 10.0.0.5:8080 or [::1]:8080`);
  return parsed ?? NOWHERE;
}

/** `200, 401-404` as ranges; '' is none. */
export function statusRanges(text: string | undefined, initial: string): StatusRanges {
  const ranges = text ?? initial;
  if (ranges === '') return [];
  return ranges.split(',').map((part) => {
    const [first = 0, last = first] = part.split('-').map(Number);
    return [Math.min(first, last), Math.max(first, last)];
  });
}
