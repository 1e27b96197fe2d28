import net from 'node:net';
import tls from 'node:tls';
import type { HttpCheckConfig } from '../../config/config.ts';
import { idOf } from '../../config/server-id.ts';
import type { Clock } from '../clock.ts';
import { localShortage } from '../net/local-shortage.ts';
import { type ProxyVersion, writeProxyHeader } from '../proxy-protocol/write-proxy-header.ts';
import type { LeasePool } from '../source/lease-pool.ts';
import { afterWaiting } from './after-waiting.ts';
import { judgeAnswer } from './judge-answer.ts';

export type ProbeResult =
  | { readonly outcome: 'passed' }
  | { readonly outcome: 'failed'; readonly reason: string }
  /** This host had no port or descriptor for the probe: it says nothing about the server. */
  | { readonly outcome: 'inconclusive'; readonly reason: string };

export interface ProbeTarget {
  readonly host: string;
  /** What the host is called, where that is not its address. */
  readonly name?: string | undefined;
  readonly port: number;
  /** Of the server, where another one is checked. */
  readonly serverPort?: number;
  /** Absent: a connection is enough. */
  readonly http?: HttpCheckConfig;
  readonly timeoutMs: number;
  /** The server wants a PROXY header first; here it says that the connection is our own. */
  readonly proxyProtocol?: ProxyVersion | undefined;
  /** Absent: it is asked in the clear. */
  readonly tls?: tls.ConnectionOptions | undefined;
}

interface ProbeDeps {
  readonly clock: Clock;
  readonly leases: LeasePool;
}

/**
 * Ports tried when others hold them. Few: each is put aside for a minute, and where the whole address is gone, the probes of that minute
 * must not use up the block of 128 that health checks own.
 */
const MAX_BINDS = 3;

/**
 * Probes a server once, from a leased source address and port. Resolves within `timeoutMs`, or as soon as this process
 * runs again; never rejects.
 */
export async function probe(deps: ProbeDeps, target: ProbeTarget): Promise<ProbeResult> {
  const endMs = deps.clock.now() + target.timeoutMs;
  for (let binds = 1; ; binds++) {
    const { result, isTaken } = await attempt(deps, target, endMs);
    if (!isTaken || binds === MAX_BINDS) return result;
  }
}

/** `isTaken`: the kernel would not bind the port, nothing was sent. */
function attempt(
  { clock, leases }: ProbeDeps,
  target: ProbeTarget,
  endMs: number,
): Promise<{ readonly result: ProbeResult; readonly isTaken: boolean }> {
  const destination = leases.destination(target.host, target.port);
  const lease = leases.lease(destination);
  if (lease < 0) {
    return Promise.resolve({ result: { outcome: 'inconclusive', reason: 'no free source port' }, isTaken: false });
  }
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
      stopWaiting();
      // Either way nothing stays in TIME_WAIT, so probes do not use up ports. Node puts a reset off until the connection is up, which to
      // a host that drops SYNs is never: the kernel gives up after two minutes.
      if (socket.connecting) socket.destroy();
      else socket.resetAndDestroy();
    };
    const stopWaiting = afterWaiting(clock, Math.max(0, endMs - clock.now()), () =>
      settle({ outcome: 'failed', reason: `no answer in ${target.timeoutMs} ms` }),
    );
    const { http } = target;
    let answer = '';
    const ask = (channel: net.Socket): void => {
      if (http === undefined) {
        settle({ outcome: 'passed' });
        return;
      }
      channel.on('data', (data: Buffer) => {
        answer += data.toString('latin1');
        judge(false);
      });
      channel.on('end', () => {
        judge(true);
        settle({ outcome: 'failed', reason: 'closed without an answer' });
      });
      channel.write(request(http, target));
    };
    socket.on('connect', () => {
      const { proxyProtocol } = target;
      const sendsHeader = http !== undefined || target.tls !== undefined;
      if (proxyProtocol !== undefined && sendsHeader) socket.write(writeProxyHeader(proxyProtocol, undefined));
      if (target.tls === undefined) {
        ask(socket);
        return;
      }
      const secured = tls.connect({ ...target.tls, socket }, () => ask(secured));
      secured.on('error', (error: NodeJS.ErrnoException) => {
        settle({ outcome: 'failed', reason: error.code ?? error.message });
      });
    });
    const judge = (isWhole: boolean): void => {
      const verdict = http && judgeAnswer(answer, http, isWhole);
      if (verdict !== undefined) settle(verdict);
    };
    let isTaken = false;
    socket.on('error', (error: NodeJS.ErrnoException) => {
      const code = error.code ?? 'unknown';
      isTaken = localShortage(code) === 'port';
      settle(
        localShortage(code) !== undefined
          ? { outcome: 'inconclusive', reason: code }
          : { outcome: 'failed', reason: code },
      );
    });
    socket.on('close', () => {
      if (isTaken) leases.setAside(destination, lease);
      else leases.release(destination, lease, 'reset');
      settle({ outcome: 'failed', reason: 'closed' });
      resolve({ result: result!, isTaken });
    });
  });
}

function request({ method, path, host }: HttpCheckConfig, target: ProbeTarget): string {
  const lines = [
    `${method} ${path} HTTP/1.1`,
    `Host: ${host ?? hostField(target)}`,
    'User-Agent: portico-health',
    'Connection: close',
  ];
  return `${lines.join('\r\n')}\r\n\r\n`;
}

function hostField({ host, name, port }: ProbeTarget): string {
  return idOf(name ?? host, port);
}
