/** Most heads fit. */
const HEAD_BYTES = 2048;
/** As many as requests are usually under way; more are left to the garbage collector. */
const MAX_KEPT = 4096;

/** Buffers for request heads on their way to servers, used over and over: the one given back last is the warmest in the cache. */
export class HeadBuffers {
  private readonly kept: Buffer[] = [];

  take(bytes: number): Buffer {
    if (bytes > HEAD_BYTES) return Buffer.allocUnsafeSlow(bytes);
    return this.kept.pop() ?? Buffer.allocUnsafeSlow(HEAD_BYTES);
  }

  /** Only for a buffer that nothing reads from any more. */
  giveBack(buffer: Buffer): void {
    if (buffer.length === HEAD_BYTES && this.kept.length < MAX_KEPT) this.kept.push(buffer);
  }
}
