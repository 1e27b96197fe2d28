import type { CfgLine } from './read-sections.ts';

/** What the options of one `server` line say. */
export interface ImportedServer {
  readonly line: number;
  readonly name: string;
  readonly host: string;
  readonly port: number;
  weight: number;
  backup?: boolean;
  isDisabled?: boolean;
  isChecked?: boolean;
  check: Record<string, unknown>;
  /** `BACKEND/SERVER` whose checks it follows. */
  track?: string;
  source?: { address: string; low?: number; high?: number };
  proxyProtocol?: 'v1' | 'v2';
  slowStart?: string;
  isTls?: boolean;
  tls: Record<string, unknown>;
}

/** A time of HAProxy's; `unit` is that of a bare number. Undefined: none that can be kept. */
export function importTime(text: string | undefined, unit = 'ms'): string | undefined {
  const match = /^(\d{1,9})(us|ms|s|m|h|d)?$/.exec(text ?? '');
  if (match === null || match[2] === 'us') return undefined;
  return Number(match[1]) === 0 ? undefined : `${Number(match[1])}${match[2] ?? unit}`;
}

/** Options with a value that say nothing which Portico would not do. */
const SILENT = new Set([
  'init-addr',
  'resolve-prefer',
  'id',
  'pool-max-conn',
  'pool-purge-delay',
  'cookie',
  'check-sni',
  'verifyhost',
]);
/** Options with a value that change what is served, and have no counterpart. */
const LOST = new Set([
  'on-marked-down',
  'on-marked-up',
  'observe',
  'error-limit',
  'downinter',
  'minconn',
  'maxconn',
  'maxqueue',
  'alpn',
  'check-alpn',
  'resolvers',
  'ssl-max-ver',
]);

/** Reads a `server` line with the options of `default-server` before its own. `lost` hears of what is not taken over. */
export function importServer(
  { line, words }: CfgLine,
  defaults: readonly string[],
  lost: (why: string) => void,
  isOwn: boolean,
): ImportedServer | undefined {
  const [, name = '', address = '', ...own] = words;
  const place = /^(?:ipv[46]@)?(\[[0-9a-fA-F:.]+\]|[0-9a-fA-F:.]+|[^:[\]\s]+):(\d{1,5})$/.exec(address);
  if (place === null) {
    lost('a server needs an address with a port');
    return undefined;
  }
  const host = place[1]!.replace(/^\[|\]$/g, '');
  if (!/^[0-9.]+$|:/.test(host)) {
    lost('a server needs an IP address: Portico looks up no names');
    return undefined;
  }
  const server: ImportedServer = { line, name, host, port: Number(place[2]), weight: 1, check: {}, tls: {} };
  const options = [...defaults, ...own];
  for (let i = 0; i < options.length; i++) {
    const option = options[i]!;
    const value = (): string => options[++i] ?? '';
    switch (option) {
      case 'check':
        server.isChecked = true;
        break;
      case 'no-check':
        server.isChecked = false;
        break;
      case 'weight':
        server.weight = Math.min(256, Number(value()) || 0);
        break;
      case 'backup':
        server.backup = true;
        break;
      case 'disabled':
        server.isDisabled = true;
        break;
      case 'enabled':
        server.isDisabled = false;
        break;
      case 'inter':
      case 'fastinter': {
        const time = importTime(value());
        if (time !== undefined) server.check[option === 'inter' ? 'interval' : 'fast_interval'] = time;
        break;
      }
      case 'rise':
      case 'fall':
      case 'port':
        server.check[option] = Number(value());
        break;
      case 'track':
        server.track = value();
        break;
      case 'source': {
        const text = value();
        const match = /^(\[[0-9a-fA-F:]+\]|[0-9.]+)(?::(\d+)(?:-(\d+))?)?$/.exec(text);
        if (match === null) lost(`"source ${text}" is no address`);
        else {
          const [low, high] = [match[2], match[3] ?? match[2]].map((port) =>
            port === undefined ? undefined : Number(port),
          );
          server.source = {
            address: match[1]!.replace(/^\[|\]$/g, ''),
            ...(low === undefined || low === 0 ? {} : { low }),
            ...(high === undefined || high === 0 ? {} : { high }),
          };
        }
        break;
      }
      case 'send-proxy':
        server.proxyProtocol = 'v1';
        break;
      case 'send-proxy-v2':
        server.proxyProtocol = 'v2';
        break;
      case 'check-send-proxy':
        break;
      case 'slowstart':
        server.slowStart = importTime(value()) ?? '';
        break;
      case 'ssl':
        server.isTls = true;
        break;
      case 'verify':
        server.tls.verify = value() !== 'none';
        break;
      case 'ca-file': {
        const file = value();
        if (file !== '@system-ca') server.tls.ca = file;
        break;
      }
      case 'crt':
        server.tls.cert = value();
        server.tls.key = server.tls.cert;
        break;
      case 'ssl-min-ver':
        server.tls.min_version = value().replace('TLSv', '');
        break;
      case 'sni': {
        const name = /^str\(([A-Za-z0-9_.:-]+)\)$/.exec(value())?.[1];
        if (name === undefined) lost('"sni" names no fixed name');
        else server.tls.server_name = name;
        break;
      }
      default:
        if (LOST.has(option)) {
          value();
          if (!isOwn) lost(`"${option}" has no counterpart`);
        } else if (SILENT.has(option)) {
          const text = value();
          if (option === 'verifyhost') server.tls.server_name ??= text;
        } else {
          lost(`"${option}" is not known`);
        }
    }
  }
  return server;
}
