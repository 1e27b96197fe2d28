/** In milliseconds or bytes, both ends included. */
export interface QuantityBounds {
  readonly of: 'duration' | 'size';
  readonly low: number;
  readonly high: number;
  /** The bounds as a user would write them. */
  readonly words: string;
  /** Words that may stand instead. */
  readonly except?: readonly string[];
}
