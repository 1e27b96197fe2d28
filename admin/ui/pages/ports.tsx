import { useMemo, useState } from 'preact/hooks';
import type { Source } from '../api/answers.ts';
import type { PageProps } from '../app.tsx';
import { plural } from '../model/format.ts';
import { type PortRow, pairKey } from '../model/port-rows.ts';
import { readPalette } from '../parts/strip-canvas.tsx';
import { useMedia } from '../parts/use-media.ts';
import { useTheme } from '../parts/use-theme.ts';
import { VirtualRows } from '../parts/virtual-rows.tsx';
import { useServices } from '../services.ts';
import { AddAddress, DrainAddress } from './ports/address-dialogs.tsx';
import { PoolCards } from './ports/pool-cards.tsx';
import { AwayLine, PairLine, SourceLine } from './ports/port-row.tsx';
import { usePortRows } from './ports/use-port-rows.ts';

const COLUMNS = ['Destination', 'Ports', 'Used', 'Resting', 'Free', 'Runs out'];

type Asked = { readonly add: string } | { readonly drain: Source } | undefined;

/** Every source address, and where in its port range it is used towards each destination. */
export function PortsPage({ item }: PageProps) {
  const { live } = useServices();
  const [text, setText] = useState('');
  const [isBusyOnly, setBusyOnly] = useState(false);
  const [asked, setAsked] = useState<Asked>(undefined);
  const theme = useTheme();
  const palette = useMemo(readPalette, [theme]);
  const isNarrow = useMedia('(max-width: 859px)');
  const { map, rows, error, hurry, stripOf, show } = usePortRows({ pool: item, text, isBusyOnly });
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
            : `${plural(map.sources.length, 'address', 'addresses')}, ${plural(map.destinations, 'destination')}, ${plural(map.total, 'pair')}`}
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
        count={rows.count}
        rowHeight={isNarrow ? 66 : 38}
        columns={COLUMNS}
        keyOf={(i) => keyOf(rows.at(i), i)}
        onRange={show}
        row={(i) => {
          const row = rows.at(i);
          switch (row.kind) {
            case 'source':
              return <SourceLine source={row.source} onDrain={() => setAsked({ drain: row.source })} />;
            case 'pair':
              return <PairLine {...row} strip={stripOf(row.source.address, row.pair.destination)} palette={palette} />;
            case 'away':
              return <AwayLine />;
            default:
              return row satisfies never;
          }
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

function keyOf(row: PortRow, index: number): string {
  if (row.kind === 'away') return `row ${index}`;
  if (row.kind === 'source') return `${row.source.pool} ${row.source.address}`;
  return `${row.source.pool} ${pairKey(row.source.address, row.pair.destination)}`;
}

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
