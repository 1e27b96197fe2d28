import { useMemo, useState } from 'preact/hooks';
import type { PortMap, Source } from '../api/types.ts';
import type { PageProps } from '../app.tsx';
import { usePolled } from '../live/use-polled.ts';
import { plural } from '../model/format.ts';
import { type PortRowView, pairKey, portRows } from '../model/port-rows.ts';
import { useMedia } from '../parts/use-media.ts';
import { useTheme } from '../parts/use-theme.ts';
import { VirtualRows } from '../parts/virtual-rows.tsx';
import { useServices } from '../services.ts';
import { AddAddress, DrainAddress } from './ports/address-dialogs.tsx';
import { PoolCards } from './ports/pool-cards.tsx';
import { PairLine, SourceLine } from './ports/port-row.tsx';
import { useStrips } from './ports/use-strips.ts';

const COLUMNS = ['Destination', 'Ports', 'Used', 'Resting', 'Free', 'Runs out'];
const NO_ROWS: PortRowView[] = [];

type Asked = { readonly add: string } | { readonly drain: Source } | undefined;

/** Every source address, and where in its port range it is used towards each destination. */
export function PortsPage({ item }: PageProps) {
  const { live } = useServices();
  const { value: map, error, hurry } = usePolled<PortMap>('/ports/map', 2000);
  const [text, setText] = useState('');
  const [isBusyOnly, setBusyOnly] = useState(false);
  const [asked, setAsked] = useState<Asked>(undefined);
  const theme = useTheme();
  const isNarrow = useMedia('(max-width: 859px)');
  const rows = useMemo(
    () => (map === undefined ? NO_ROWS : portRows(map, { pool: item, text, isBusyOnly })),
    [map, item, text, isBusyOnly],
  );
  const strips = useStrips(rows);
  const pairs = map?.pairs.source.length ?? 0;
  const close = (): void => setAsked(undefined);
  return (
    <>
      <PoolCards pools={live.overview.value?.pools ?? []} chosen={item} onAdd={(add) => setAsked({ add })} />
      <div class="toolbar">
        <label class="search">
          <span class="unseen">Address or destination</span>
          <input
            type="search"
            placeholder="Address or destination"
            value={text}
            onInput={(event) => setText(event.currentTarget.value.trim())}
          />
        </label>
        <label class="check">
          <input type="checkbox" checked={isBusyOnly} onChange={(event) => setBusyOnly(event.currentTarget.checked)} />
          Only where ports are in use
        </label>
        {item === undefined ? null : <a href="#/ports">All pools</a>}
        <span class="muted">
          {map === undefined
            ? ''
            : `${plural(map.sources.length, 'address', 'addresses')}, ${plural(map.destinations.length, 'destination')}, ${plural(pairs, 'pair')}`}
        </span>
        <Legend />
      </div>
      {error === undefined ? null : (
        <p class="problem" role="alert">
          {error}
        </p>
      )}
      <VirtualRows
        label="Ports of each source address towards each destination"
        count={rows.length}
        rowHeight={isNarrow ? 66 : 38}
        columns={COLUMNS}
        keyOf={(i) => keyOf(rows[i]!)}
        onRange={strips.show}
        row={(i) => {
          const row = rows[i]!;
          if (row.kind === 'source') return <SourceLine row={row} onDrain={() => setAsked({ drain: row.source })} />;
          return <PairLine row={row} strip={strips.of(row.source.address, row.destination)} theme={theme} />;
        }}
      />
      {asked === undefined ? null : 'add' in asked ? (
        <AddAddress pool={asked.add} onDone={hurry} onClose={close} />
      ) : (
        <DrainAddress source={asked.drain} onDone={hurry} onClose={close} />
      )}
    </>
  );
}

const keyOf = (row: PortRowView): string =>
  row.kind === 'source' ? `${row.source.pool} ${row.source.address}` : pairKey(row.source.address, row.destination);

function Legend() {
  return (
    <span class="legend port-legend">
      {(['used', 'rest', 'bad', 'free'] as const).map((kind) => (
        <span key={kind} class="legend-item">
          <span class="legend-swatch" style={{ background: `var(--port-${kind})` }} />
          {{ used: 'used', rest: 'resting after use', bad: 'unusable', free: 'free' }[kind]}
        </span>
      ))}
    </span>
  );
}
