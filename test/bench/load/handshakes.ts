import type { Children } from '../children.ts';

export interface HandshakeOptions {
  readonly seconds: number;
  /** Comes back with a ticket each time but the first; by TLS 1.2, as `openssl s_time` resumes nothing newer. */
  readonly isResumed: boolean;
}

/**
 * Opens one TLS connection after the other with `openssl s_time`, and resolves with how many there were. Nothing is asked for on them: its
 * request is one of HTTP/1.0, for which HAProxy and nginx connect to a server each time, and Portico does not.
 */
export function runHandshakes(
  children: Children,
  port: number,
  { seconds, isResumed }: HandshakeOptions,
): Promise<number> {
  const kind = isResumed ? ['-reuse', '-tls1_2'] : ['-new', '-tls1_3'];
  return new Promise((resolve, reject) => {
    const args = ['s_time', '-connect', `127.0.0.1:${port}`, ...kind, '-time', String(seconds)];
    const client = children.spawn('openssl', args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let text = '';
    client.stdout!.on('data', (data) => {
      text += data;
    });
    client.stderr!.resume();
    client.on('error', () => reject(new Error('openssl is missing: apt-get install openssl')));
    client.on('close', (code) => {
      const count = Number(/(\d+) connections in \d+ real seconds/.exec(text)?.[1] ?? 0);
      if (count > 0) resolve(count);
      else reject(new Error(`openssl s_time ended with ${code}: ${text}`));
    });
  });
}
