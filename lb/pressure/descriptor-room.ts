/** What clients that were accepted may need besides: connections to servers, log files, a moment's file. */
const RESERVED_SHARE = 1 / 16;
const LEAST_RESERVED = 16;
const MOST_RESERVED = 1024;
/** Accepting goes on when so much of the reserve has come free beyond it, so that it does not come and go with every connection. */
const SLACK_SHARE = 1 / 8;

/** How many connections a process may have open before it accepts no more, for want of descriptors. */
export interface DescriptorRoom {
  /** Descriptors that are kept for what is open already. */
  readonly reserve: number;
  /** From so many on nothing is accepted. */
  readonly stopAt: number;
  /** Down at so many it goes on. */
  readonly goOnAt: number;
}

/** `limit`: RLIMIT_NOFILE, or Infinity; `others`: open descriptors that are no connections. */
export function descriptorRoom(limit: number, others: number): DescriptorRoom {
  const room = Math.max(0, limit - others);
  const reserve = Math.min(
    Math.max(Math.ceil(room * RESERVED_SHARE), LEAST_RESERVED),
    MOST_RESERVED,
    Math.floor(room / 2),
  );
  const stopAt = room - reserve;
  return { reserve, stopAt, goOnAt: stopAt - Math.max(1, Math.floor(reserve * SLACK_SHARE)) };
}

/** The least limit with which `connections` descriptors may be connections before a process accepts no more. */
export function descriptorLimitFor(connections: number, others: number): number {
  const reserve = Math.ceil((connections * RESERVED_SHARE) / (1 - RESERVED_SHARE));
  return others + connections + Math.min(Math.max(reserve, LEAST_RESERVED), MOST_RESERVED);
}
