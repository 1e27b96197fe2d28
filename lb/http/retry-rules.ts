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
        return true; // nothing was sent, and no server is to blame
      case 'queue':
        return failure.what !== 'shed'; // that there are too many requests is true everywhere
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

  /**
   * Whether no server has worked on the request yet, so that another try makes none work more: then no budget is asked. A dead server that
   * is not known to be dead looks idle, and draws most requests to it: all of them must be able to go on.
   */
  isFree(failure: Failure): boolean {
    switch (failure.kind) {
      case 'connect':
      case 'exhausted':
      case 'queue':
        return true;
      case 'closed':
        return failure.isStale;
      case 'bad-answer':
      case 'timeout':
        return false;
      default:
        return failure satisfies never;
    }
  }
}
