import { useState } from 'preact/hooks';
import type { PortStrip } from '../../api/types.ts';
import { usePolled } from '../../live/use-polled.ts';
import { type PortRowView, pairKey } from '../../model/port-rows.ts';

/** The server answers for so many at once, which is more than fit on a screen. */
const MOST = 64;

export interface Strips {
  readonly of: (source: string, destination: string) => PortStrip | undefined;
  /** Which rows can be seen. */
  readonly show: (from: number, to: number) => void;
}

/** The strips of the rows that can be seen, and of no others. */
export function useStrips(rows: readonly PortRowView[]): Strips {
  const [range, setRange] = useState({ from: 0, to: 0 });
  const [show] = useState(
    () =>
      (from: number, to: number): void =>
        setRange({ from, to }),
  );
  const wanted = rows
    .slice(range.from, range.to)
    .flatMap((row) => (row.kind === 'pair' ? [pairKey(row.source.address, row.destination)] : []))
    .slice(0, MOST);
  const query = wanted.map((pair) => `pair=${encodeURIComponent(pair)}`).join('&');
  const { value } = usePolled<{ strips: readonly PortStrip[] }>(
    query === '' ? undefined : `/ports/strips?${query}`,
    2000,
  );
  const byPair = new Map(value?.strips.map((strip) => [pairKey(strip.source, strip.destination), strip]));
  return { of: (source, destination) => byPair.get(pairKey(source, destination)), show };
}
