/** How names of servers are looked up. */
export interface ResolverConfig {
  /** `address:port` each. Absent: those in /etc/resolv.conf. */
  readonly nameservers?: readonly string[];
  /** For one lookup, with all its tries. */
  readonly timeoutMs: number;
  readonly minTtlMs: number;
  readonly maxTtlMs: number;
  /** How long an address stays that answers do not have any more. */
  readonly holdMs: number;
  /** Of one name. */
  readonly maxAddresses: number;
}

export const DEFAULT_RESOLVER: ResolverConfig = {
  timeoutMs: 5000,
  minTtlMs: 1000,
  maxTtlMs: 300_000,
  holdMs: 0,
  maxAddresses: 256,
};
