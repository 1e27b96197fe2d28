const FIRST_BYTES = 512;

/**
 * `held` with [start, end) of `from` behind it; `held` must come from here and not be used again. Room is doubled when it runs out, so that
 * what comes byte by byte costs no more than what comes at once.
 */
export function appendBytes(held: Buffer | undefined, from: Uint8Array, start: number, end: number): Buffer {
  const length = held?.length ?? 0;
  const total = length + end - start;
  let into = held;
  if (into === undefined || total > into.buffer.byteLength) {
    into = Buffer.allocUnsafeSlow(Math.max(FIRST_BYTES, total, length * 2));
    held?.copy(into);
  }
  const whole = Buffer.from(into.buffer, 0, total);
  whole.set(from.subarray(start, end), length);
  return whole;
}
