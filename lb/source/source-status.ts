/** What becomes of a source address. */
export type SourceState =
  | { readonly kind: 'claiming' }
  | { readonly kind: 'ready' }
  /** No new connections from it; it is let go when the last has ended. */
  | { readonly kind: 'draining' }
  /** Not on this host any more, or its interface is down. */
  | { readonly kind: 'lost'; readonly reason: string }
  /** Somebody else has it. */
  | { readonly kind: 'refused'; readonly reason: string };

export interface SourceStatus {
  readonly pool: string;
  readonly address: string;
  /** Portico adds it to `interface` and removes it. */
  readonly claim: boolean;
  readonly interface: string;
  readonly state: SourceState;
  /** Ports of it that can be used at all. */
  readonly ports: number;
  /** Those among them that other programs hold and that no plane owns, so that no plane tells of them. */
  readonly heldElsewhere: number;
  readonly blocks: {
    readonly free: number;
    readonly resting: number;
    readonly owners: readonly { readonly owner: string; readonly blocks: number }[];
  };
}
