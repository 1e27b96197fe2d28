/** How the ports of one source are used towards one destination, by block: element i counts ports i * 128 to i * 128 + 127. */
export interface PortUse {
  readonly pool: string;
  readonly source: string;
  /** `address:port` */
  readonly destination: string;
  readonly used: Uint8Array;
  readonly quarantined: Uint8Array;
  readonly unusable: Uint8Array;
}
