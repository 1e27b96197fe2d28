import net from 'node:net';
import type { Clock } from '../clock.ts';
import type { LeasePool } from '../source/lease-pool.ts';

export type ProbeResult =
  | { readonly outcome: 'passed' }
  | { readonly outcome: 'failed'; readonly reason: string }
  /** This host had no port or descriptor for the probe: it says nothing about the server. */
  | { readonly outcome: 'inconclusive'; readonly reason: string };

export interface ProbeTarget {
  readonly host: string;
  readonly port: number;
  /** Present: GET of it has to answer 2xx or 3xx. Absent: a connection is enough. */
  readonly path: string | undefined;
  readonly timeoutMs: number;
}

const LOCAL = new Set(['EADDRINUSE', 'EADDRNOTAVAIL', 'EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM']);
const STATUS_LINE = /^HTTP\/1\.[01] ([1-5]\d\d)(?: |\r)/;
const MAX_HEAD_BYTES = 16384;

/** Probes a server once, from a leased source address and port. Resolves within `timeoutMs`; never rejects. */
export function probe(
  deps: { readonly clock: Clock; readonly leases: LeasePool },
  target: ProbeTarget,
): Promise<ProbeResult> {
  const { clock, leases } = deps;
  const destination = leases.destination(target.host, target.port);
  const lease = leases.lease(destination);
  if (lease < 0) return Promise.resolve({ outcome: 'inconclusive', reason: 'no free source port' });
  return new Promise((resolve) => {
    const socket = net.connect({
      host: target.host,
      port: target.port,
      localAddress: leases.addressOf(lease),
      localPort: leases.portOf(lease),
    });
    let result: ProbeResult | undefined;
    const settle = (found: ProbeResult): void => {
      if (result !== undefined) return;
      result = found;
      clock.clear(timer);
      // A reset leaves nothing in TIME_WAIT, so probes do not use up ports.
      socket.resetAndDestroy();
    };
    const timer = clock.after(target.timeoutMs, () =>
      settle({ outcome: 'failed', reason: `no answer in ${target.timeoutMs} ms` }),
    );
    let head = '';
    socket.on('connect', () => {
      if (target.path === undefined) settle({ outcome: 'passed' });
      else
        socket.write(
          `GET ${target.path} HTTP/1.1\r\nHost: ${hostField(target)}\r\nUser-Agent: portico-health\r\nConnection: close\r\n\r\n`,
        );
    });
    socket.on('data', (data) => {
      head += data.toString('latin1');
      const verdict = judge(head);
      if (verdict !== undefined) settle(verdict);
    });
    socket.on('end', () => settle({ outcome: 'failed', reason: 'closed without an answer' }));
    let isTaken = false;
    socket.on('error', (error: NodeJS.ErrnoException) => {
      const code = error.code ?? 'unknown';
      isTaken = code === 'EADDRINUSE' || code === 'EADDRNOTAVAIL';
      settle(LOCAL.has(code) ? { outcome: 'inconclusive', reason: code } : { outcome: 'failed', reason: code });
    });
    socket.on('close', () => {
      if (isTaken) leases.setAside(destination, lease);
      else leases.release(destination, lease, 'reset');
      settle({ outcome: 'failed', reason: 'closed' });
      resolve(result!);
    });
  });
}

function hostField({ host, port }: ProbeTarget): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** The verdict of an answer so far; undefined while its first line is not whole. */
function judge(head: string): ProbeResult | undefined {
  const match = STATUS_LINE.exec(head);
  if (match !== null) {
    const status = Number(match[1]);
    return status >= 200 && status < 400 ? { outcome: 'passed' } : { outcome: 'failed', reason: `status ${status}` };
  }
  if (head.includes('\n') || head.length > MAX_HEAD_BYTES || !'HTTP/1.'.startsWith(head.slice(0, 7))) {
    return { outcome: 'failed', reason: 'not an HTTP answer' };
  }
  return undefined;
}
