import type { Clock } from '../clock.ts';

export interface KeptAddress {
  readonly pool: string;
  readonly address: string;
  readonly interface: string;
  readonly claim: boolean;
}

export type AddressState =
  | { readonly kind: 'ready' }
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'lost'; readonly reason: string };

export class AddressKeeper {
  readonly counters = { claimed: 0, conflicts: 0, lost: 0, reclaimed: 0, resyncs: 0 };
  private readonly onState: (kept: KeptAddress, state: AddressState) => void;
  private readonly addresses: readonly KeptAddress[];
  constructor(
    deps: {
      readonly clock: Clock;
      readonly random: () => number;
      readonly onState: (kept: KeptAddress, state: AddressState) => void;
      readonly onNotice: (message: string) => void;
    },
    options: { readonly addresses: readonly KeptAddress[] },
  ) {
    this.onState = deps.onState;
    this.addresses = options.addresses;
  }
  async start(): Promise<void> {
    for (const kept of this.addresses) this.onState(kept, { kind: 'ready' });
  }
  async add(_kept: KeptAddress): Promise<AddressState> {
    return { kind: 'ready' };
  }
  async remove(_kept: KeptAddress): Promise<void> {}
  async stop(): Promise<void> {}
}
