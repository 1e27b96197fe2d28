import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { PortMap, PortStrip } from '../../api/answers.ts';
import { usePolled } from '../../live/use-polled.ts';
import { offsetFor, PAIRS_ASKED, PortRows, pairKey } from '../../model/port-rows.ts';
import { useServices } from '../../services.ts';

/** After that long without a move, what can be seen is what is looked at. */
const REST_MS = 150;
/** The server answers for so many strips at once, which is more than fit on a screen. */
const MOST_STRIPS = 64;
const NO_ROWS = new PortRows({ pools: [], sources: [], destinations: 0, total: 0, offset: 0, pairs: [] });

export interface PortFilter {
  readonly pool: string | undefined;
  /** A part of an address or a destination. */
  readonly text: string;
  readonly isBusyOnly: boolean;
}

export interface PortWindow {
  /** Undefined before the first answer. */
  readonly map: PortMap | undefined;
  readonly rows: PortRows;
  readonly error: string | undefined;
  readonly hurry: () => void;
  /** Undefined: not here yet. */
  readonly stripOf: (source: string, destination: string) => PortStrip | undefined;
  /** Which rows can be seen. */
  readonly show: (from: number, to: number) => void;
}

/** The rows that can be seen, with their strips, of however many there are: the API sorts them and tells a part. */
export function usePortRows({ pool, text, isBusyOnly }: PortFilter): PortWindow {
  const [range, show] = useRange();
  const [offset, setOffset] = useState(0);
  const query = { text, busy: isBusyOnly, offset, limit: PAIRS_ASKED, ...(pool === undefined ? {} : { pool }) };
  const {
    value: map,
    error,
    hurry,
  } = usePolled<PortMap>({
    key: JSON.stringify(query),
    ask: (client, signal) => client.GET('/api/v1/ports/map', { params: { query }, signal }),
  });
  const rows = useMemo(() => (map === undefined ? NO_ROWS : new PortRows(map)), [map]);
  useEffect(() => setOffset(0), [pool, text, isBusyOnly]);
  useEffect(() => {
    if (map === undefined || rows.count === 0) return;
    const first = rows.pairIndex(Math.min(range.from, rows.count - 1));
    const last = rows.pairIndex(Math.min(range.to, rows.count - 1));
    const isThere = first >= map.offset && (last < map.offset + PAIRS_ASKED || map.offset === offsetFor(first));
    if (!isThere) setOffset(offsetFor(first));
  }, [map, rows, range]);

  const wanted: string[] = [];
  for (let i = range.from; i < Math.min(range.to, rows.count) && wanted.length < MOST_STRIPS; i++) {
    const row = rows.at(i);
    if (row.kind === 'pair') wanted.push(pairKey(row.source.address, row.pair.destination));
  }
  const { value: answer } = usePolled<{ strips: PortStrip[] }>(
    wanted.length === 0
      ? undefined
      : {
          key: wanted.join('\n'),
          ask: (client, signal) => client.GET('/api/v1/ports/strips', { params: { query: { pair: wanted } }, signal }),
        },
  );
  const strips = useStableStrips(answer?.strips);
  return {
    map,
    rows,
    error,
    hurry,
    stripOf: (source, destination) => strips.get(pairKey(source, destination)),
    show,
  };
}

/** The rows that are seen once scrolling rests: what flies past is not asked for. */
function useRange(): [{ from: number; to: number }, (from: number, to: number) => void] {
  const { timing } = useServices();
  const [range, setRange] = useState({ from: 0, to: 0 });
  const moved = useRef<AbortController | undefined>(undefined);
  useEffect(() => () => moved.current?.abort(), []);
  const [show] = useState(() => (from: number, to: number): void => {
    moved.current?.abort();
    const own = new AbortController();
    moved.current = own;
    void timing.wait(REST_MS, own.signal).then(() => {
      if (!own.signal.aborted) setRange({ from, to });
    });
  });
  return [range, show];
}

/** By pair. A strip that is as before stays the same object, and so is not drawn anew. */
function useStableStrips(strips: readonly PortStrip[] | undefined): ReadonlyMap<string, PortStrip> {
  const known = useRef(new Map<string, { readonly text: string; readonly strip: PortStrip }>());
  return useMemo(() => {
    const before = known.current;
    known.current = new Map(
      (strips ?? []).map((strip) => {
        const key = pairKey(strip.source, strip.destination);
        const text = `${strip.used}/${strip.quarantined}/${strip.unusable}`;
        const last = before.get(key);
        return [key, last?.text === text ? last : { text, strip }];
      }),
    );
    return new Map([...known.current].map(([key, { strip }]) => [key, strip]));
  }, [strips]);
}
