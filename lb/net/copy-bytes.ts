/**
 * Up to this length a loop beats `Buffer.copy`, which makes a view of the source for each call: 0.05 µs, and food for the garbage collector,
 * where the loop takes 0.5 to 1.1 ns a byte (Node 20).
 */
const LOOP_BYTES = 64;

/** Copies [start, end) of `from` to `into` at `at`; returns the position after the copy. There has to be room. */
export function copyBytes(from: Buffer, start: number, end: number, into: Buffer, at: number): number {
  const length = end - start;
  if (length > LOOP_BYTES) return at + from.copy(into, at, start, end);
  for (let i = 0; i < length; i++) into[at + i] = from[start + i]!;
  return at + length;
}
