import { parseHostPattern } from '../../config/host-pattern.ts';

/** The host of a request, taken apart once for all routes. */
export interface RequestHost {
  /** With its port. */
  readonly text: string;
  /** Where the root's dot or the port starts, or the end: `[::1]:80`, `a.example:80`, `a.example.:80`, `a.example`. */
  readonly nameEnd: number;
}

/** The port that a URL without one means. */
const DEFAULT_PORTS = { http: 80, https: 443 };

export function parseRequestHost(text: string): RequestHost {
  const colon = text.indexOf(':', text.startsWith('[') ? text.indexOf(']') + 1 : 0);
  const end = colon < 0 ? text.length : colon;
  return { text, nameEnd: end > 0 && text.charCodeAt(end - 1) === 0x2e ? end - 1 : end };
}

/**
 * A host condition. `*.example.com` matches every name below example.com, at any depth, but not example.com itself, as in nginx; as
 * there, `example.com.` with the root's dot is the same name as without. A condition without a port takes every port.
 */
export class HostCondition {
  /** The exact name; undefined for a wildcard. */
  readonly name: string | undefined;
  private readonly suffix: string;
  private readonly port: number | undefined;

  /** The config has checked `pattern`. */
  constructor(pattern: string) {
    const { name, isWildcard, port } = parseHostPattern(pattern)!;
    this.name = isWildcard ? undefined : name;
    this.suffix = name;
    this.port = port;
  }

  takes(host: RequestHost, scheme: 'http' | 'https'): boolean {
    return this.takesName(host) && (this.port === undefined || this.port === portOf(host, scheme));
  }

  takesName({ text, nameEnd }: RequestHost): boolean {
    const { suffix } = this;
    if (this.name !== undefined) return nameEnd === suffix.length && text.startsWith(suffix);
    return nameEnd > suffix.length && text.startsWith(suffix, nameEnd - suffix.length);
  }
}

function portOf({ text, nameEnd }: RequestHost, scheme: 'http' | 'https'): number {
  const colon = text.indexOf(':', nameEnd);
  // "a.example:" is a.example at the default port (RFC 3986 §6.2.3).
  return colon < 0 || colon === text.length - 1 ? DEFAULT_PORTS[scheme] : Number(text.slice(colon + 1));
}
