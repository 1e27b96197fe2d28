/** A power of two; of 8 entries each: half a million first flights within a window. */
export const STRIKE_BUCKETS = 1 << 16;
/** Eight slots of eight bytes each, as native/tls.h has them, and a page for the head. */
export const STRIKE_BYTES = STRIKE_BUCKETS * 64 + 4096;
