import { isIP } from 'node:net';

/** What a chain of proxies says of where a request comes from. */
export interface Origin {
  readonly address: string;
  /** As the proxy next to the client saw it; undefined where no proxy said. */
  readonly scheme: 'http' | 'https' | undefined;
}

/** One proxy's word: the peer that it had, and how that came. */
interface Hop {
  readonly address: string | undefined;
  readonly scheme: Origin['scheme'];
}

/**
 * Who the client is, by the chain of proxies in a `Forwarded` (RFC 7239) or `X-Forwarded-For` value. Read from its end, where the
 * nearest proxy wrote: the first address that is no trusted proxy, since what stands before it may be that client's invention.
 */
export function findOrigin(hops: readonly Hop[], isTrusted: (address: string) => boolean): Origin | undefined {
  let origin: Origin | undefined;
  for (let i = hops.length - 1; i >= 0; i--) {
    const { address, scheme } = hops[i]!;
    // «unknown», an obfuscated name, or nonsense: the chain can be followed no further.
    if (address === undefined) break;
    origin = { address, scheme };
    if (!isTrusted(address)) break;
  }
  return origin;
}

export function parseXForwardedFor(value: string): readonly Hop[] {
  return value.split(',').map((part) => ({ address: parseNode(part.trim()), scheme: undefined }));
}

export function parseForwarded(value: string): readonly Hop[] {
  return splitUnquoted(value, ',').map((element) => {
    let address: string | undefined;
    let scheme: Origin['scheme'];
    for (const pair of splitUnquoted(element, ';')) {
      const equals = pair.indexOf('=');
      const name = pair.slice(0, equals).trim().toLowerCase();
      const text = unquote(pair.slice(equals + 1).trim());
      if (name === 'for') address = parseNode(text);
      else if (name === 'proto') scheme = parseScheme(text);
    }
    return { address, scheme };
  });
}

export function parseScheme(text: string): Origin['scheme'] {
  const lower = text.toLowerCase();
  return lower === 'http' || lower === 'https' ? lower : undefined;
}

/** `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1`, `[2001:db8::1]:4711`; undefined for what is no IP address. */
function parseNode(text: string): string | undefined {
  const bare = /^\[([^\]]+)\](?::\d+)?$/.exec(text)?.[1] ?? /^([\d.]+):\d+$/.exec(text)?.[1] ?? text;
  return isIP(bare) === 0 ? undefined : bare;
}

function splitUnquoted(text: string, separator: string): string[] {
  const parts: string[] = [];
  let start = 0;
  let isQuoted = false;
  for (let i = 0; i < text.length; i++) {
    const character = text[i]!;
    if (isQuoted && character === '\\') i++;
    else if (character === '"') isQuoted = !isQuoted;
    else if (!isQuoted && character === separator) {
      parts.push(text.slice(start, i));
      start = i + 1;
    }
  }
  parts.push(text.slice(start));
  return parts;
}

function unquote(text: string): string {
  return text.startsWith('"') && text.endsWith('"') && text.length > 1
    ? text.slice(1, -1).replace(/\\(.)/g, '$1')
    : text;
}

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** This balancer's own element of `Forwarded`. */
export function forwardedElement(address: string, host: string, scheme: string): string {
  const node = address.includes(':') ? `"[${address}]"` : address;
  // A host holds neither a quote nor a backslash: the parser of heads sees to it.
  const quoted = TOKEN.test(host) ? host : `"${host}"`;
  return `for=${node}${host === '' ? '' : `;host=${quoted}`};proto=${scheme}`;
}
