/** What an import did not take over. */
export interface LeftOut {
  /** In the file, from 1. */
  readonly line: number;
  readonly text: string;
  readonly why: string;
  /** It is about HAProxy's own process: nothing of what is served is lost with it. */
  readonly isHarmless: boolean;
}

/** Collects them, each line once however many sections inherit it. */
export class LeftOutList {
  private readonly found = new Map<string, LeftOut>();

  add(line: number, words: readonly string[], why: string, isHarmless = false): void {
    const key = `${line} ${why}`;
    if (!this.found.has(key)) this.found.set(key, { line, text: words.join(' '), why, isHarmless });
  }

  get all(): readonly LeftOut[] {
    return [...this.found.values()].sort((a, b) => a.line - b.line);
  }
}
