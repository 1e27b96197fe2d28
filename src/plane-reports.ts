import type { Clock } from '../lb/clock.ts';
import type { PlaneCommand } from '../lb/control/messages.ts';
import type { PlaneMetrics } from '../lb/metrics/plane-metrics.ts';
import { sumPlaneMetrics } from '../lb/metrics/sum-plane-metrics.ts';
import type { PortUse } from '../lb/source/port-use.ts';
import type { LinkedProcess } from './linked-process.ts';
import { withoutGauges } from './without-gauges.ts';

/** A plane that does not answer by then is left out of a report. */
export const REPORT_TIMEOUT_MS = 1000;

export interface ReportingPlane {
  /** Also the owner of its ports. */
  readonly id: string;
  readonly process: () => LinkedProcess | undefined;
  isReady: boolean;
  lastReport: PlaneMetrics | undefined;
}

/** What planes tell when they are asked, and what those had counted that are gone. */
export class PlaneReports {
  /** What planes that are gone had counted. */
  retired: PlaneMetrics | undefined = undefined;
  private readonly deps: { readonly clock: Clock; readonly planes: () => readonly ReportingPlane[] };
  /** Those who wait for an answer of a plane, by the number of their question. */
  private readonly answers = new Map<number, (answer: never) => void>();
  private nextQuestion = 1;

  constructor(deps: PlaneReports['deps']) {
    this.deps = deps;
  }

  /** A plane has answered the question of that number. */
  answer(id: number, answer: PlaneMetrics | readonly PortUse[]): void {
    this.answers.get(id)?.(answer as never);
  }

  /**
   * What every plane counted, by plane, and those that are gone as `retired`. A plane that hangs is in it with its last report, and one
   * that died while the others were waited for only in `retired`: each count is in there once, so no counter goes down.
   */
  async collect(): Promise<{
    planes: Map<string, PlaneMetrics>;
    retired: PlaneMetrics | undefined;
    isComplete: boolean;
  }> {
    const answers = await this.askAll<PlaneMetrics>((id) => ({ type: 'report', id }));
    const planes = new Map<string, PlaneMetrics>();
    for (const { id, lastReport } of this.deps.planes()) if (lastReport !== undefined) planes.set(id, lastReport);
    return { planes, retired: this.retired, isComplete: answers.every((answer) => answer !== undefined) };
  }

  /** Where port maps and the kernel differed, of the planes that are and were. */
  get drift(): PlaneMetrics['drift'] {
    const reports = [this.retired, ...this.deps.planes().map(({ lastReport }) => lastReport)];
    return sumPlaneMetrics(reports.filter((report) => report !== undefined)).drift;
  }

  /** How the planes use their ports; what a plane that hangs has is left out. */
  async portUse(filter: { readonly source?: string; readonly destination?: string }): Promise<readonly PortUse[]> {
    const answers = await this.askAll<readonly PortUse[]>((id) => ({ ...filter, type: 'port-use', id }));
    return answers.flatMap((use) => use ?? []);
  }

  private askAll<T>(question: (id: number) => PlaneCommand): Promise<readonly (T | undefined)[]> {
    return Promise.all(this.deps.planes().map((plane) => this.ask<T>(plane, question)));
  }

  private ask<T>({ process, isReady }: ReportingPlane, question: (id: number) => PlaneCommand): Promise<T | undefined> {
    const child = process();
    if (child === undefined || !isReady) return Promise.resolve(undefined);
    const id = this.nextQuestion++;
    return new Promise((resolve) => {
      const settle = (answer: T | undefined): void => {
        this.deps.clock.clear(timer);
        this.answers.delete(id);
        resolve(answer);
      };
      const timer = this.deps.clock.after(REPORT_TIMEOUT_MS, () => settle(undefined));
      this.answers.set(id, settle);
      child.send(question(id));
    });
  }

  /** Keeps the counters of a plane that is gone; its gauges went with it. */
  retire(plane: ReportingPlane): void {
    if (plane.lastReport === undefined) return;
    const counters = withoutGauges(plane.lastReport);
    this.retired = this.retired === undefined ? counters : sumPlaneMetrics([this.retired, counters]);
    plane.lastReport = undefined;
  }
}
