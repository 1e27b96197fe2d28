import type { Rounds } from './rounds.ts';
import type { Section, Target } from './scenario.ts';
import { ratios, spread, summarize } from './statistics.ts';
import { NAMES, type Role } from './subject.ts';

/** A figure of each round. */
export interface Figure<T> {
  readonly title: string;
  readonly digits: number;
  /** Its ratio to these is shown. */
  readonly against: readonly Role[];
  of(result: T): number;
}

export interface Goal<T> {
  readonly subject: Role;
  readonly figure: Figure<T>;
  readonly against: Role;
  readonly bound: { readonly atLeast: number } | { readonly atMost: number };
}

const RATIO_DIGITS = 2;

/** The table of a comparison and what became of its targets. Ratios to a balancer that did not run are left out, targets with it too. */
export function compare<T>(
  results: Rounds<T>,
  figures: readonly Figure<T>[],
  goals: readonly Goal<T>[],
): Pick<Section, 'columns' | 'rows' | 'targets'> {
  const values = (role: Role, figure: Figure<T>): number[] => results.get(role)!.map((result) => figure.of(result));
  const ratiosOf = (role: Role, figure: Figure<T>, against: Role): number[] =>
    ratios(values(role, figure), values(against, figure));
  const present = (figure: Figure<T>): Role[] => figure.against.filter((role) => results.has(role));
  return {
    columns: [
      'balancer',
      ...figures.flatMap((figure) => [figure.title, ...present(figure).map((role) => `× ${NAMES[role]}`)]),
    ],
    rows: [...results.keys()].map((role) => [
      NAMES[role],
      ...figures.flatMap((figure) => [
        spread(values(role, figure), figure.digits),
        ...present(figure).map((against) =>
          role === against ? '' : spread(ratiosOf(role, figure, against), RATIO_DIGITS),
        ),
      ]),
    ]),
    targets: goals
      .filter(({ subject, against }) => results.has(subject) && results.has(against))
      .map(({ subject, figure, against, bound }): Target => {
        const { median } = summarize(ratiosOf(subject, figure, against));
        const [sign, limit, isMet] =
          'atLeast' in bound
            ? ['≥', bound.atLeast, median >= bound.atLeast]
            : ['≤', bound.atMost, median <= bound.atMost];
        return {
          what: `${figure.title} of ${NAMES[subject]} against ${NAMES[against]}`,
          value: median.toFixed(RATIO_DIGITS),
          bound: `${sign} ${limit}`,
          isMet,
        };
      }),
  };
}
