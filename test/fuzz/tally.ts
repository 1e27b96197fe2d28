/** What came of the cases of one run. */
export class Tally {
  cases = 0;
  /** By what became of single messages. */
  readonly outcomes = new Map<string, number>();
  readonly disagreements: string[] = [];

  count(outcome: string): void {
    this.outcomes.set(outcome, (this.outcomes.get(outcome) ?? 0) + 1);
  }

  /** Keeps the first few; all are counted. */
  disagree(seed: number, id: number, what: string, bytes: string): void {
    this.count('disagreements');
    if (this.disagreements.length < 20)
      this.disagreements.push(`seed ${seed} case ${id}: ${what}\n  ${JSON.stringify(bytes)}`);
  }

  describe(): string {
    return `${this.cases} cases: ${[...this.outcomes].map(([name, number]) => `${number} ${name}`).join(', ')}`;
  }
}

/** Runs `one` for each id from `from` to below `to`, so many at a time. */
export async function runCases(
  from: number,
  to: number,
  atOnce: number,
  one: (id: number) => Promise<void>,
): Promise<void> {
  let next = from;
  const lane = async (): Promise<void> => {
    while (next < to) await one(next++);
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
}
