/** One object or command of nftables' JSON schema (libnftables-json(5)). */
export type NftObject = Readonly<Record<string, unknown>>;

/** nftables refused a transaction; nothing of it is in force. The message is its own. */
export class NftError extends Error {
  readonly code = 'NFT';
  readonly source = 'local';
  readonly retryable = false;
}

/** nftables cannot be used here at all; the message says what to do. */
export class NftUnavailableError extends Error {
  readonly code = 'NFT_UNAVAILABLE';
  readonly source = 'local';
  readonly retryable = false;
}

export interface Nft {
  /** For instance 1.0.6. */
  readonly version: string;
  /** All commands as one transaction; returns what they list. Throws NftError. Blocks: about 0.3 ms, and 4 µs for each element of a map. */
  run(commands: readonly NftObject[]): readonly NftObject[];
  /** Idempotent. */
  close(): void;
}
