import type { PortForecast } from './forecaster.ts';

export interface PortShortageEvent {
  readonly type: 'port-shortage-ahead';
  readonly pool: string;
  /** Absent: the pool as a whole. */
  readonly source?: string;
  readonly destination: string;
  /** 0: none is free. */
  readonly seconds: number;
  readonly addAddresses: number;
}

const CLEAR_MS = 30_000;

/**
 * Tells of each shortage once. It is over when it was twice as far away as the warning threshold for 30 s, or was not forecast at all
 * for as long; then the next one is told again. Whoever feeds it only forecasts of whole pools hears nothing of single sources.
 */
export class ShortageWatcher {
  private readonly warnSeconds: number;
  /** Shortages told, with the time since when they look over. */
  private readonly told = new Map<string, number | undefined>();

  constructor(options: { readonly warnSeconds?: number } = {}) {
    this.warnSeconds = options.warnSeconds ?? 300;
  }

  observe(nowMs: number, forecasts: readonly PortForecast[]): PortShortageEvent[] {
    const events: PortShortageEvent[] = [];
    const far = new Set(this.told.keys());
    for (const { pool, source, destination, exhaustionSeconds: seconds, addAddresses } of forecasts) {
      const key = `${pool}\n${source ?? ''}\n${destination}`;
      if (this.told.has(key)) {
        if (seconds < 2 * this.warnSeconds) far.delete(key);
        continue;
      }
      if (seconds >= this.warnSeconds && seconds > 0) continue;
      this.told.set(key, undefined);
      const place = source === undefined ? { pool } : { pool, source };
      events.push({ type: 'port-shortage-ahead', ...place, destination, seconds, addAddresses });
    }
    for (const [key, sinceMs] of this.told) {
      if (!far.has(key)) this.told.set(key, undefined);
      else if (sinceMs === undefined) this.told.set(key, nowMs);
      else if (nowMs - sinceMs >= CLEAR_MS) this.told.delete(key);
    }
    return events;
  }
}
