/** Chooses the source of each connection to one destination. It is told of every change of a source's free ports there. */
export interface SourceStrategy {
  /** The index of a source with a free port, or -1 if none has one. */
  pick(): number;
  /** Sources start with none. */
  update(source: number, free: number): void;
}
