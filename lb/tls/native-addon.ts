import { createRequire } from 'node:module';

/** What `native/addon.c` offers. Sets, slots and sessions are numbers; a wrong one throws. */
export interface NativeAddon {
  /** Once: where results of calls stand, where bytes of the network are read from, and where plain text is written to. */
  useBuffers(state: Int32Array, incoming: Uint8Array, plain: Uint8Array): void;
  /** Where bytes for the network are written to. */
  useOut(out: Uint8Array): void;
  createSet(isServer: number, earlyBytes: number, alpn: Uint8Array): number;
  /** `pairs`: certificate chain and key, PEM, and OCSP response, DER or empty, in turn. Throws with OpenSSL's words; '' or what is left out. */
  addContext(
    set: number,
    names: string,
    minVersion: number,
    ciphers: string,
    suites: string,
    groups: string,
    id: Uint8Array,
    pairs: readonly Buffer[],
    ca: Uint8Array,
    verifyMode: number,
  ): string;
  dropSet(set: number): void;
  useTicketKeys(keys: Uint8Array): void;
  /** '' or why not. */
  openStrikes(path: string, buckets: number, windowSeconds: number, blindSeconds: number): string;
  isFirstStrike(random: Uint8Array): number;
  createSlot(): number;
  dropSlot(slot: number): void;
  open(set: number, slot: number, host: string, hostIsAddress: number, serverName: string): number;
  feed(session: number, length: number, outAt: number): number;
  write(session: number, data: Uint8Array, from: number, outAt: number): number;
  shutDown(session: number, outAt: number): void;
  free(session: number): void;
  facts(session: number): number;
  word(session: number, which: number): string;
  /** Sessions opened, sessions freed, contexts there. */
  counts(): [number, number, number];
}

/** Indices of `state`. */
export const PLAIN_LENGTH = 0;
export const OUT_END = 1;
export const TAKEN = 2;
export const STATE_WORDS = 4;

/** Bits of what `feed` returns. */
export const SECURED = 1;
export const ENDED = 2;
export const FAILED = 4;
export const IS_EARLY = 8;

/** What `word` is asked for. */
export const WORD = { cipher: 0, serverName: 1, protocol: 2, failure: 3, peerName: 4 } as const;

interface AddonModule {
  create(): NativeAddon;
  trim(): void;
}

export type LoadedAddon =
  | { readonly ok: true; readonly addon: NativeAddon }
  /** Why there is none, in the loader's words. */
  | { readonly ok: false; readonly reason: string };

const FOLDER = new URL('../../../lb/tls/native/', import.meta.url);
/** Built on this machine, or shipped. */
const PLACES = ['build/tls.node', `prebuilt/${process.platform}-${process.arch}.node`];

/** A new instance of the addon; sets, slots and sessions are its own. It needs the OpenSSL 3 of the node binary, so there may be none. */
export function loadNativeAddon(): LoadedAddon {
  const loaded = load((addon) => addon.create());
  return 'value' in loaded ? { ok: true, addon: loaded.value } : { ok: false, reason: loaded.reason };
}

/** Gives memory that is free back to the kernel: malloc keeps most of it. Nothing happens where there is no addon. */
export function trimMemory(): void {
  load((addon) => addon.trim());
}

function load<T>(use: (addon: AddonModule) => T): { readonly value: T } | { readonly reason: string } {
  const require = createRequire(FOLDER);
  let reason = '';
  for (const place of PLACES) {
    try {
      return { value: use(require(`./${place}`) as AddonModule) };
    } catch (error) {
      reason = (error as Error).message.split('\n')[0]!;
    }
  }
  return { reason };
}
