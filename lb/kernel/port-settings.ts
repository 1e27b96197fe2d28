import { readFileSync } from 'node:fs';

export interface PortRange {
  readonly low: number;
  readonly high: number;
}

export interface PortSettings {
  /** `net.ipv4.ip_local_port_range`, for IPv6 too: what the kernel chooses from. Both ends belong to it. */
  readonly local: PortRange;
  /** `net.ipv4.ip_local_reserved_ports`, in order: what the kernel never chooses. */
  readonly reserved: readonly PortRange[];
}

/** The kernel's own default (net/ipv4/af_inet.c). */
const DEFAULT_RANGE: PortRange = { low: 32_768, high: 60_999 };

/** Two numbers with white space between; undefined for anything else. */
export function parsePortRange(text: string): PortRange | undefined {
  const match = /^\s*(\d{1,5})\s+(\d{1,5})\s*$/.exec(text);
  return match === null ? undefined : range(match[1]!, match[2]!);
}

/** A list such as `8080,9000-9010`, empty for none; undefined for anything else. In order, overlaps joined. */
export function parsePortList(text: string): PortRange[] | undefined {
  const ranges: PortRange[] = [];
  for (const part of text.trim() === '' ? [] : text.trim().split(',')) {
    const match = /^\s*(\d{1,5})(?:-(\d{1,5}))?\s*$/.exec(part);
    const parsed = match === null ? undefined : range(match[1]!, match[2] ?? match[1]!);
    if (parsed === undefined) return undefined;
    ranges.push(parsed);
  }
  return join(ranges);
}

/** Settings that cannot be read are taken as the kernel's defaults: they differ only where somebody set them. */
export function readPortSettings(
  read: (path: string) => string = (path) => readFileSync(path, 'latin1'),
): PortSettings {
  const setting = (name: string): string => {
    try {
      return read(`/proc/sys/net/ipv4/${name}`);
    } catch {
      return '';
    }
  };
  return {
    local: parsePortRange(setting('ip_local_port_range')) ?? DEFAULT_RANGE,
    reserved: parsePortList(setting('ip_local_reserved_ports')) ?? [],
  };
}

function range(from: string, to: string): PortRange | undefined {
  const low = Number(from);
  const high = Number(to);
  return low <= high && high <= 65_535 ? { low, high } : undefined;
}

function join(ranges: readonly PortRange[]): PortRange[] {
  const joined: PortRange[] = [];
  for (const next of [...ranges].sort((a, b) => a.low - b.low)) {
    const last = joined.at(-1);
    if (last === undefined || next.low > last.high + 1) joined.push(next);
    else joined[joined.length - 1] = { low: last.low, high: Math.max(last.high, next.high) };
  }
  return joined;
}
