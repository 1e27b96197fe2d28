import type { Portico } from './start-portico.ts';

/** What `portico run` prints once it serves: where, from which addresses, and what to try. */
export function banner({ config, ports, adminAddress }: Portico): string {
  const lines = config.listeners.map(
    ({ name, host, tls }) =>
      `  listener ${name}: ${tls === undefined ? 'http' : 'https'}://${reachable(host)}:${ports[name]}${host === '0.0.0.0' || host === '::' ? ' (all addresses)' : ''}`,
  );
  for (const { name, addresses, ports: range } of config.sources) {
    const shown =
      addresses.length <= 4 ? addresses.join(', ') : `${addresses.slice(0, 3).join(', ')} … ${addresses.at(-1)}`;
    const total = (addresses.length * (range.high - range.low + 1)).toLocaleString('en');
    lines.push(`  sources ${name}: ${shown}; ${total} ports towards each server`);
  }
  const [first] = config.listeners;
  const base = `${reachable(first!.host)}:${ports[first!.name]}`;
  const admin = adminAddress.startsWith('http') ? adminAddress : `unix:${adminAddress}`;
  return [
    'Portico is running.',
    ...lines,
    '',
    'Try:',
    ...(first!.tls === undefined
      ? [`  curl http://${base}/`, `  ${webSocketLine(base)}`]
      : [`  curl -k https://${base}/`]),
    '',
    `Metrics: ${admin}/metrics   Status: ${admin}/api/v1/status   Stop: Ctrl-C`,
    '',
  ].join('\n');
}

/** Node 20 has a WebSocket client behind a flag, Node 22 without one; the flag is harmless there. */
function webSocketLine(base: string): string {
  const script = `const s=new WebSocket("ws://${base}/");s.onopen=()=>s.send("hello");s.onmessage=(m)=>{console.log("echo:",m.data);s.close()}`;
  return `node --experimental-websocket -e '${script}'`;
}

function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  if (host === '::') return '[::1]';
  return host.includes(':') ? `[${host}]` : host;
}
