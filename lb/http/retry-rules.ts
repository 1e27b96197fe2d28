import type { RetryConfig } from '../../config/config.ts';
import type { Exchange, Failure } from './exchange.ts';
import { statusSet } from './status-set.ts';

/** Which failures are worth another try, and bear it. */
export class RetryRules {
  /** By status: 1 where the answer calls for another server. */
  readonly statuses: Uint8Array;
  private readonly on: RetryConfig['on'];

  constructor({ on, statuses }: Pick<RetryConfig, 'on' | 'statuses'>) {
    this.on = on;
    this.statuses = statusSet(statuses);
  }

  /** What a server may have seen is sent again only if that does no harm: RFC 9110 §9.2.2. */
  allows(exchange: Exchange, failure: Failure): boolean {
    switch (failure.kind) {
      case 'exhausted':
      case 'queue':
        return true; // nothing was sent, and no server is to blame
      case 'connect':
        return this.on.includes('connect');
      case 'closed':
      case 'bad-answer':
      case 'timeout':
        return exchange.isRepeatable && this.on.includes(failure.kind);
      default:
        return failure satisfies never;
    }
  }

  /** Whether another try costs servers nothing that they had not been spared: then no budget is asked. */
  isFree(failure: Failure): boolean {
    return failure.kind === 'exhausted' || (failure.kind === 'closed' && failure.isStale);
  }
}
