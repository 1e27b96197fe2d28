import type { ResolverConfig } from '../../config/resolver-config.ts';

export type Family = 4 | 6;

/** `nxdomain`: there is no such name; `timeout`: nobody answered in time, or nobody was there to ask. */
export type LookupFailure = 'nxdomain' | 'servfail' | 'refused' | 'timeout' | 'malformed' | 'failed';

export type LookupAnswer =
  | { readonly kind: 'found'; readonly addresses: readonly string[]; readonly ttlMs: number }
  /** The name is there, without an address of this family (RFC 2308 §2.2). */
  | { readonly kind: 'empty' }
  | { readonly kind: 'failed'; readonly reason: LookupFailure };

/** Asks once for the addresses of a name. Never rejects. */
export type Lookup = (name: string, family: Family, settings: ResolverConfig) => Promise<LookupAnswer>;

export const familyOf = (address: string): Family => (address.includes(':') ? 6 : 4);
