import type { PortForecast } from '../../lb/forecast/forecaster.ts';
import type { PortMetrics } from '../../lb/metrics/plane-metrics.ts';
import type { SourceStatus } from '../../lb/source/source-status.ts';
import { freePorts, sourceFinder } from '../with-source-free.ts';
import type { Metric } from './metric.ts';
import { findTopDestinations, OTHER } from './top-destinations.ts';
import { writeLabels, writeNumber } from './write-metrics.ts';

const PORTS = 'portico_source_ports';
const EXHAUSTION = 'portico_source_exhaustion_seconds';

/** One source towards one destination: its lines up to the value, which never change, and what is counted in this scrape. */
interface Row {
  readonly freeAt: string;
  readonly usedAt: string;
  readonly quarantinedAt: string;
  readonly unusableAt: string;
  readonly exhaustionAt: string;
  /** The scrape that the counts are of. */
  scrape: number;
  hasPorts: boolean;
  free: number;
  used: number;
  quarantined: number;
  unusable: number;
  /** Undefined: nobody forecasts it. */
  exhaustionSeconds: number | undefined;
}

export interface PortSeriesInput {
  /** All planes and engines added up. */
  readonly ports: readonly PortMetrics[];
  readonly sources: readonly SourceStatus[];
  readonly forecasts: readonly PortForecast[];
}

/**
 * The two families that grow with sources × destinations. They write their own lines, and keep the part of each that is always the same from
 * scrape to scrape: with an object and a key for every sample, 100 destinations × 20 sources took four times as long.
 */
export class PortSeries {
  private readonly topDestinations: number;
  /** By destination, then source: two look-ups of texts that there are cost less than one of a text that has to be made. */
  private rows = new Map<string, Map<string, Row>>();
  private scrape = 0;

  constructor(options: { readonly topDestinations: number }) {
    this.topDestinations = options.topDestinations;
  }

  /** Destinations beyond the top ones are added up, by source, as `other`; the earliest of their exhaustions counts. */
  collect({ ports, sources, forecasts }: PortSeriesInput): Metric[] {
    this.scrape++;
    const kept = findTopDestinations(ports, this.topDestinations);
    const sourceOf = sourceFinder(sources);
    for (const port of ports) {
      const row = this.row(kept.has(port.destination) ? port.destination : OTHER, port.source);
      const source = sourceOf(port.pool, port.source);
      const unusable = port.unusable + (source?.heldElsewhere ?? 0);
      row.hasPorts = true;
      row.free += source === undefined ? port.free : freePorts(source, port);
      row.used += port.used;
      row.quarantined += port.quarantined;
      row.unusable += unusable;
    }
    for (const { source, destination, exhaustionSeconds } of forecasts) {
      if (source === undefined) continue;
      const row = this.row(kept.has(destination) ? destination : OTHER, source);
      row.exhaustionSeconds = Math.min(row.exhaustionSeconds ?? Number.POSITIVE_INFINITY, exhaustionSeconds);
    }
    return this.write();
  }

  /** Its counts are those of this scrape. */
  private row(destination: string, source: string): Row {
    let bySource = this.rows.get(destination);
    if (bySource === undefined) {
      bySource = new Map();
      this.rows.set(destination, bySource);
    }
    let row = bySource.get(source);
    if (row === undefined) {
      row = newRow(destination, source);
      bySource.set(source, row);
    }
    if (row.scrape !== this.scrape) {
      row.scrape = this.scrape;
      row.hasPorts = false;
      row.free = row.used = row.quarantined = row.unusable = 0;
      row.exhaustionSeconds = undefined;
    }
    return row;
  }

  /** Forgets the rows that are not of this scrape, so that no more are kept than are shown. */
  private write(): Metric[] {
    let ports = '';
    let exhaustion = '';
    for (const [destination, bySource] of this.rows) {
      for (const [source, row] of bySource) {
        if (row.scrape !== this.scrape) {
          bySource.delete(source);
          continue;
        }
        if (row.hasPorts) {
          ports += `${row.freeAt}${row.free}${row.usedAt}${row.used}${row.quarantinedAt}${row.quarantined}${row.unusableAt}${row.unusable}\n`;
        }
        if (row.exhaustionSeconds !== undefined)
          exhaustion += `${row.exhaustionAt}${writeNumber(row.exhaustionSeconds)}\n`;
      }
      if (bySource.size === 0) this.rows.delete(destination);
    }
    return [
      {
        name: PORTS,
        help: 'Source ports by what becomes of them, towards each destination',
        type: 'gauge',
        lines: ports,
      },
      {
        name: EXHAUSTION,
        help: 'When the ports of a source towards a destination run out if it goes on like this; +Inf for never',
        type: 'gauge',
        lines: exhaustion,
      },
    ];
  }
}

function newRow(destination: string, source: string): Row {
  const at = (state: string): string => `${PORTS}${writeLabels({ source, destination, state })} `;
  return {
    freeAt: at('free'),
    usedAt: `\n${at('used')}`,
    quarantinedAt: `\n${at('quarantined')}`,
    unusableAt: `\n${at('unusable')}`,
    exhaustionAt: `${EXHAUSTION}${writeLabels({ source, destination })} `,
    scrape: 0,
    hasPorts: false,
    free: 0,
    used: 0,
    quarantined: 0,
    unusable: 0,
    exhaustionSeconds: undefined,
  };
}
