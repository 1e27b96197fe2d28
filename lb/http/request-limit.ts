import { AdaptiveLimit } from '../balance/adaptive-limit.ts';
import type { HttpContext } from './http-context.ts';

/** How many requests a server may have at once: any number, so many, or what the times of its answers say that it bears. */
export class RequestLimit {
  /** Not any number. */
  isOn = false;
  private readonly context: HttpContext;
  private fixed = Number.POSITIVE_INFINITY;
  private adaptive: AdaptiveLimit | undefined = undefined;

  /** `most`: undefined for what its answers say. */
  constructor(context: HttpContext, most: number | undefined) {
    this.context = context;
    this.configure(most);
  }

  configure(most: number | undefined): void {
    const { random, tickMs } = this.context;
    this.isOn = most !== Number.POSITIVE_INFINITY;
    this.fixed = most ?? Number.POSITIVE_INFINITY;
    this.adaptive = most === undefined ? (this.adaptive ?? new AdaptiveLimit(random, tickMs)) : undefined;
  }

  /** It follows the times of answers. */
  get isAdaptive(): boolean {
    return this.adaptive !== undefined;
  }

  get most(): number {
    return this.adaptive?.most ?? this.fixed;
  }

  /** An answer to a request sent then has come, with so many under way. */
  observe(sentAtMs: number, nowMs: number, underWay: number): void {
    this.adaptive?.observe(sentAtMs, nowMs, underWay);
  }

  tick(nowMs: number): void {
    this.adaptive?.tick(nowMs);
  }
}
