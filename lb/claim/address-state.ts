/** A source address as the config has it. */
export interface KeptAddress {
  readonly pool: string;
  readonly address: string;
  readonly interface: string;
  /** We add it to the interface and remove it; otherwise it has to be on this host. */
  readonly claim: boolean;
  /** Connections from it go on when this process is gone: a stop leaves it where it is, for the next start to take over. Default false. */
  readonly staysAtStop?: boolean;
}

export type AddressState =
  /** On this host, on an interface that works: may be connected from. */
  | { readonly kind: 'ready' }
  /** Somebody else has it; `reason` says who and what to do. */
  | { readonly kind: 'refused'; readonly reason: string }
  /** Deleted, or its interface is down or gone. */
  | { readonly kind: 'lost'; readonly reason: string };
