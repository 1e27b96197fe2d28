export type Protocol = 'tcp' | 'udp';
export type Family = 4 | 6;

/** Neighbouring source ports of one address, within one block of 128: the kernel searches as many to the last. */
export interface SourceRun {
  readonly address: string;
  readonly first: number;
  readonly last: number;
}

/** Which source ports the next connections get. */
export interface Tickets {
  readonly runs: readonly SourceRun[];
  /** Connection i gets a port of `runs[order[i]]`. */
  readonly order: readonly number[];
  /** When all are gone, true: no more connections go there; false: it starts over. */
  readonly isLimited: boolean;
}

/** A server as connections of one source pool reach it. */
export interface NatTarget {
  /** Stays the same while it exists. */
  readonly id: number;
  readonly family: Family;
  readonly protocol: Protocol;
  readonly host: string;
  readonly port: number;
  readonly tickets: Tickets;
  /** Another one, and the tickets are counted from the first again. */
  readonly serial: number;
}

export interface NatListener {
  readonly id: number;
  readonly protocol: Protocol;
  readonly family: Family;
  /** Undefined: every address of this machine. */
  readonly host: string | undefined;
  readonly port: number;
  /** Targets that there are, used or not. */
  readonly targets: readonly Pick<NatTarget, 'id' | 'host' | 'port'>[];
  /** Which target a client gets: by its turn, or by the hash of its address. Ids. */
  readonly choice: { readonly by: 'turn' | 'client'; readonly slots: readonly number[] };
  /** There is a server that may be used, whether it has a port left or not. */
  readonly isServed: boolean;
  /** Where it goes when that one has no port left, in order. Ids. */
  readonly others: readonly number[];
}

/** All that the rules say. */
export interface NatPlan {
  /** Of what the operator wrote. */
  readonly configHash: string;
  readonly listeners: readonly NatListener[];
  readonly targets: readonly NatTarget[];
  readonly runs: readonly SourceRun[];
}
