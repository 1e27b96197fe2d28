/**
 * Up to this length a loop beats `Buffer.copy`, which makes a view of the source for each call (Node 20: 130 bytes in 0.07 against
 * 0.16 µs) and so also feeds the garbage collector.
 */
const LOOP_BYTES = 256;

/** Copies [start, end) of `from` to `into` at `at`; returns the position after the copy. There has to be room. */
export function copyBytes(from: Buffer, start: number, end: number, into: Buffer, at: number): number {
  const length = end - start;
  if (length > LOOP_BYTES) return at + from.copy(into, at, start, end);
  for (let i = 0; i < length; i++) into[at + i] = from[start + i]!;
  return at + length;
}
