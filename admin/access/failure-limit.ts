import { LRUCache } from 'lru-cache';
import type { Clock } from '../../lb/clock.ts';

const BURST = 20;
const REFILL_MS = 5000;
/** Clients that are remembered; who comes from more addresses than this has that many times as many tries. */
const MAX_CLIENTS = 10_000;

interface Failures {
  count: number;
  atMs: number;
}

/** Keeps a client from trying out tokens: so many failures, then one every few seconds. An IPv6 client is its /64. */
export class FailureLimit {
  private readonly clock: Clock;
  private readonly clients = new LRUCache<string, Failures>({ max: MAX_CLIENTS });

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** Seconds until it may try again; 0 for now. */
  waitSeconds(address: string): number {
    const failures = this.clients.get(keyOf(address));
    if (failures === undefined) return 0;
    const over = this.left(failures) - (BURST - 1);
    return over <= 0 ? 0 : Math.ceil((over * REFILL_MS) / 1000);
  }

  /** Returns whether it has to wait from now on. */
  fail(address: string): boolean {
    const key = keyOf(address);
    const known = this.clients.get(key);
    const before = known === undefined ? 0 : this.left(known);
    this.clients.set(key, { count: before + 1, atMs: this.clock.now() });
    return before < BURST - 1 && before + 1 >= BURST - 1;
  }

  private left({ count, atMs }: Failures): number {
    return Math.max(0, count - (this.clock.now() - atMs) / REFILL_MS);
  }
}

function keyOf(address: string): string {
  if (!address.includes(':') || address.startsWith('::ffff:')) return address;
  const [head = '', tail] = address.split('::');
  const groups = head.split(':');
  const zeros = tail === undefined ? 0 : 8 - groups.length - (tail === '' ? 0 : tail.split(':').length);
  return [...groups, ...Array.from({ length: Math.max(0, zeros) }, () => '0')].slice(0, 4).join(':');
}
