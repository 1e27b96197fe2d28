import { isIP } from 'node:net';
import { parseEndpoint } from './endpoint.ts';

/** Where a server is: an address, or a name that DNS has addresses for. */
export type ServerAddress =
  | { readonly kind: 'address'; readonly host: string; readonly port: number }
  | { readonly kind: 'name'; readonly name: string; readonly port: number };

/** RFC 1123 §2.1, and `_`, which container runtimes put in names. */
const LABEL = /^(?!-)[a-z0-9_-]{1,63}(?<!-)$/;
/** RFC 1035 §2.3.4: 255 bytes on the wire. */
const MAX_NAME = 253;

/** `10.0.0.5:9001`, `[2001:db8::5]:9001` or `app.internal:9001`; undefined for anything else. Names are in lower case, without a last dot. */
export function parseServerAddress(text: string): ServerAddress | undefined {
  const endpoint = parseEndpoint(text);
  if (endpoint !== undefined) return { kind: 'address', ...endpoint };
  const [, written = '', digits = ''] = /^([^:]+):(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  const name = written.toLowerCase().replace(/\.$/, '');
  return isHostName(name) && port <= 65535 ? { kind: 'name', name, port } : undefined;
}

function isHostName(text: string): boolean {
  const labels = text.split('.');
  if (text.length > MAX_NAME || isIP(text) !== 0 || !labels.every((label) => LABEL.test(label))) return false;
  // What ends in a number is an address that somebody mistyped (https://url.spec.whatwg.org/#ends-in-a-number-checker).
  return !/^([0-9]+|0x[0-9a-f]*)$/.test(labels.at(-1)!);
}
