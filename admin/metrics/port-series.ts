import type { PortForecast } from '../../lb/forecast/forecaster.ts';
import type { PortMetrics } from '../../lb/metrics/plane-metrics.ts';
import type { SourceStatus } from '../../lb/source/source-status.ts';
import { freePorts, sourceFinder } from '../with-source-free.ts';
import type { Metric } from './metric.ts';
import { TextBuffer } from './text-buffer.ts';
import { findTopDestinations, OTHER } from './top-destinations.ts';
import { writeLabels, writeNumber } from './write-metrics.ts';

const PORTS = 'portico_source_ports';
const EXHAUSTION = 'portico_source_exhaustion_seconds';
const END_OF_LINE = Buffer.from('\n');
/** So much larger than the last time a text may be before it has to be moved. */
const ROOM = 1.1;

/** One source towards one destination: its lines up to the value, as UTF-8, which never change, and what is counted in this scrape. */
interface Row {
  readonly freeAt: Buffer;
  readonly usedAt: Buffer;
  readonly quarantinedAt: Buffer;
  readonly unusableAt: Buffer;
  readonly exhaustionAt: Buffer;
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
  /** Bytes to expect. */
  private written = { ports: 0, exhaustion: 0 };

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
    const ports = new TextBuffer(this.written.ports);
    const exhaustion = new TextBuffer(this.written.exhaustion);
    for (const [destination, bySource] of this.rows) {
      for (const [source, row] of bySource) {
        if (row.scrape !== this.scrape) {
          bySource.delete(source);
          continue;
        }
        if (row.hasPorts) writePorts(row, ports);
        if (row.exhaustionSeconds === undefined) continue;
        exhaustion.addBytes(row.exhaustionAt);
        exhaustion.addText(`${writeNumber(row.exhaustionSeconds)}\n`);
      }
      if (bySource.size === 0) this.rows.delete(destination);
    }
    const [portLines, exhaustionLines] = [ports.finish(), exhaustion.finish()];
    this.written = { ports: portLines.length * ROOM, exhaustion: exhaustionLines.length * ROOM };
    return [
      {
        name: PORTS,
        help: 'Source ports by what becomes of them, towards each destination',
        type: 'gauge',
        lines: portLines,
      },
      {
        name: EXHAUSTION,
        help: 'When the ports of a source towards a destination run out if it goes on like this; +Inf for never',
        type: 'gauge',
        lines: exhaustionLines,
      },
    ];
  }
}

function writePorts(row: Row, into: TextBuffer): void {
  into.addBytes(row.freeAt);
  into.addNumber(row.free);
  into.addBytes(row.usedAt);
  into.addNumber(row.used);
  into.addBytes(row.quarantinedAt);
  into.addNumber(row.quarantined);
  into.addBytes(row.unusableAt);
  into.addNumber(row.unusable);
  into.addBytes(END_OF_LINE);
}

function newRow(destination: string, source: string): Row {
  const at = (state: string, before = ''): Buffer =>
    Buffer.from(`${before}${PORTS}${writeLabels({ source, destination, state })} `);
  return {
    freeAt: at('free'),
    usedAt: at('used', '\n'),
    quarantinedAt: at('quarantined', '\n'),
    unusableAt: at('unusable', '\n'),
    exhaustionAt: Buffer.from(`${EXHAUSTION}${writeLabels({ source, destination })} `),
    scrape: 0,
    hasPorts: false,
    free: 0,
    used: 0,
    quarantined: 0,
    unusable: 0,
    exhaustionSeconds: undefined,
  };
}
