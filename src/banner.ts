import type { ListenerConfig } from '../config/config.ts';
import type { Portico } from './start-portico.ts';

/** What `portico run` prints once it serves: where, from which addresses, and what to try. */
export function banner({ config, ports, adminAddress }: Pick<Portico, 'config' | 'ports' | 'adminAddress'>): string {
  const url = (listener: ListenerConfig) => `${scheme(listener)}://${reachable(listener.host)}:${ports[listener.name]}`;
  const lines = config.listeners.map((listener) => {
    const isEverywhere = listener.host === '0.0.0.0' || listener.host === '::';
    return `  listener ${listener.name}: ${url(listener)}${isEverywhere ? ' (all addresses)' : ''}`;
  });
  for (const { name, addresses, ports: range } of config.sources) {
    const shown =
      addresses.length <= 4 ? addresses.join(', ') : `${addresses.slice(0, 3).join(', ')} … ${addresses.at(-1)}`;
    const total = (addresses.length * (range.high - range.low + 1)).toLocaleString('en');
    lines.push(`  sources ${name}: ${shown}; ${total} ports towards each server`);
  }
  const isUrl = adminAddress.startsWith('http');
  const admin = isUrl ? adminAddress : `unix:${adminAddress}`;
  const tried = config.listeners.find((listener) => scheme(listener).startsWith('http'));
  return [
    'Portico is running.',
    ...lines,
    '',
    ...(tried === undefined ? [] : [...whatToTry(url(tried)), '']),
    ...(isUrl ? [`Pages for people: ${adminAddress}/`] : []),
    `Metrics: ${admin}/metrics   Status: ${admin}/api/v1/status   Stop: Ctrl-C`,
    '',
  ].join('\n');
}

function scheme({ engine, mode, protocol, tls }: ListenerConfig): string {
  const isHttp = engine === 'http' || (engine === 'haproxy' && mode === 'http');
  if (isHttp) return tls === undefined ? 'http' : 'https';
  return tls === undefined ? protocol : 'tls';
}

function whatToTry(url: string): readonly string[] {
  if (url.startsWith('https:')) return ['Try:', `  curl -k ${url}/`];
  return ['Try:', `  curl ${url}/`, `  ${webSocketLine(url.replace('http:', 'ws:'))}`];
}

/** Node 20 has a WebSocket client behind a flag, Node 22 without one; the flag is harmless there. */
function webSocketLine(url: string): string {
  const script = `const s=new WebSocket("${url}/");s.onopen=()=>s.send("hello");s.onmessage=(m)=>{console.log("echo:",m.data);s.close()}`;
  return `node --experimental-websocket -e '${script}'`;
}

function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  if (host === '::') return '[::1]';
  return host.includes(':') ? `[${host}]` : host;
}
