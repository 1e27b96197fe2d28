/** What became of those that found no source port. */
export interface Exhausted {
  otherServer: number;
  queued: number;
  queueTimeout: number;
  refused: number;
}
