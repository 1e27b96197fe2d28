import type { TlsMetrics } from '../metrics/plane-metrics.ts';
import type { HandshakeKind } from './tls-facts.ts';

/** Reasons come from OpenSSL's list and from what peers send as alerts; more than these are one. */
const MAX_REASONS = 32;

/** The handshakes of one listener, or with the servers of one backend. */
export class TlsCounters {
  /** Handshakes that are over, by version, kind and cipher. */
  private readonly handshakes = new Map<string, TlsMetrics['handshakes'][number] & { count: number }>();
  private readonly failures = new Map<string, number>();

  onSecured(version: string, kind: HandshakeKind, cipher: string): void {
    const key = `${version} ${kind} ${cipher}`;
    const known = this.handshakes.get(key);
    if (known === undefined) this.handshakes.set(key, { version, kind, cipher, count: 1 });
    else known.count++;
  }

  onFailed(words: string): void {
    let reason = words.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-');
    if (!this.failures.has(reason) && this.failures.size >= MAX_REASONS) reason = 'other';
    this.failures.set(reason, (this.failures.get(reason) ?? 0) + 1);
  }

  snapshot(): Pick<TlsMetrics, 'handshakes' | 'failures'> {
    return {
      handshakes: [...this.handshakes.values()].map((each) => ({ ...each })),
      failures: [...this.failures].map(([reason, count]) => ({ reason, count })),
    };
  }
}
