/** Some of the sockets found; arrays are reused: copy what you keep. Entry i is valid for i < count. */
export interface SocketBatch {
  count: number;
  /** Index into `sources`, or 65535: another or the wildcard address. */
  readonly source: Uint16Array;
  readonly localPort: Uint16Array;
  readonly remotePort: Uint16Array;
  /** 16 bytes each; IPv4 in the first 4. */
  readonly remote: Uint8Array;
  /** 4 or 6. */
  readonly family: Uint8Array;
  /** TCP_* numbers of the kernel. */
  readonly state: Uint8Array;
  /** 0: no process holds it any more (orphans, TIME_WAIT). */
  readonly inode: Uint32Array;
}

export function createSocketBatch(capacity: number): SocketBatch {
  return {
    count: 0,
    source: new Uint16Array(capacity),
    localPort: new Uint16Array(capacity),
    remotePort: new Uint16Array(capacity),
    remote: new Uint8Array(capacity * 16),
    family: new Uint8Array(capacity),
    state: new Uint8Array(capacity),
    inode: new Uint32Array(capacity),
  };
}
