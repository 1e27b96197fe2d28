import type { Scenario, Subjects, Target } from '../scenarios.ts';
import { ratios, summarize } from '../statistics.ts';
import { type Case, compareThroughput, type Throughput } from '../throughput.ts';

type Role = Exclude<keyof Subjects, 'directory' | 'backends'>;
type Figure = 'requestsPerSecond' | 'cpuPerRequest';

interface Goal {
  readonly subject: Role;
  readonly figure: Figure;
  readonly against: Role;
  readonly atLeast?: number;
  readonly atMost?: number;
}

const FIGURES: Readonly<Record<Figure, string>> = { requestsPerSecond: 'requests/s', cpuPerRequest: 'CPU per request' };

export const spread = (values: readonly number[], digits: number): string => {
  const { median, min, max } = summarize(values);
  const show = (value: number): string =>
    value.toLocaleString('en', { maximumFractionDigits: digits, minimumFractionDigits: digits });
  return `${show(median)} (${show(min)}–${show(max)})`;
};

/** Requests per second and CPU per request of all balancers under the same load. */
export function throughputScenario(scenario: {
  readonly name: string;
  readonly title: string;
  readonly text: string;
  readonly load: Case;
  readonly targets: readonly Goal[];
}): Scenario {
  return {
    name: scenario.name,
    run: async (subjects, options) => {
      const roles: readonly Role[] = ['pipelined', 'plain', 'haproxy', 'nginx'];
      const results = await compareThroughput(
        roles.map((role) => subjects[role]),
        scenario.load,
        options,
      );
      const of = (role: Role): Throughput => results.get(subjects[role].name)!;
      const ratioTo = (role: Role, against: Role, figure: Figure): number[] =>
        ratios(of(role)[figure], of(against)[figure]);
      return {
        title: scenario.title,
        text: scenario.text,
        columns: ['balancer', 'requests/s', '× HAProxy', '× nginx', 'CPU µs per request', '× HAProxy', 'errors'],
        rows: roles.map((role) => [
          subjects[role].name,
          spread(of(role).requestsPerSecond, 0),
          spread(ratioTo(role, 'haproxy', 'requestsPerSecond'), 2),
          spread(ratioTo(role, 'nginx', 'requestsPerSecond'), 2),
          spread(of(role).cpuPerRequest, 1),
          spread(ratioTo(role, 'haproxy', 'cpuPerRequest'), 2),
          String(of(role).errors),
        ]),
        targets: scenario.targets.map(({ subject, figure, against, atLeast, atMost }): Target => {
          const { median } = summarize(ratioTo(subject, against, figure));
          return {
            what: `${FIGURES[figure]} of ${subjects[subject].name} against ${subjects[against].name}`,
            value: median.toFixed(2),
            bound: atLeast === undefined ? `≤ ${atMost}` : `≥ ${atLeast}`,
            isMet: atLeast === undefined ? median <= atMost! : median >= atLeast,
          };
        }),
      };
    },
  };
}
