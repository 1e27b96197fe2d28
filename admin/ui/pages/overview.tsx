import { formatBytes, formatCount, formatPercent, formatRate, formatSeconds } from '../model/format.ts';
import { TimeChart } from '../parts/time-chart.tsx';
import { useServices } from '../services.ts';
import { AttentionList } from './overview/attention-list.tsx';
import { BackendTable, ListenerTable, PoolTable, ProcessTable } from './overview/tables.tsx';

/** What needs attention first, then how it goes, then the parts. */
export function OverviewPage() {
  const { live } = useServices();
  const overview = live.overview.value;
  if (overview === undefined) return <p class="muted">Waiting for the first answer …</p>;
  const rates = live.rates.value;
  const { columns } = live.history;
  const { time } = columns;
  const open = overview.listeners.reduce((sum, { connections }) => sum + connections, 0);
  const websockets = overview.listeners.reduce((sum, { websockets }) => sum + websockets, 0);
  const used = overview.pools.reduce((sum, pool) => sum + pool.used, 0);
  const fullest = Math.max(
    0,
    ...overview.pools.map(({ tightest }) => (tightest === null ? 0 : tightest.busy / Math.max(1, tightest.capacity))),
  );
  return (
    <>
      <AttentionList items={live.attention.value} />
      <dl class="tiles">
        <Tile name="Requests" value={formatRate(rates?.all.perSecond ?? 0)} unit="/s" />
        <Tile
          name="Server errors"
          value={formatPercent(rates?.all.failed ?? 0)}
          unit="of answers"
          isBad={(rates?.all.failed ?? 0) >= 0.01}
        />
        <Tile name="Latency, p99" value={rates?.all.p99 === undefined ? '–' : formatSeconds(rates.all.p99)} unit="" />
        <Tile
          name="Connections"
          value={formatCount(open)}
          unit={websockets > 0 ? `${formatCount(websockets)} WebSocket` : `${formatRate(rates?.connects ?? 0)}/s new`}
        />
        <Tile
          name="Source ports"
          value={formatCount(used)}
          unit={`used, fullest ${formatPercent(fullest)}`}
          isBad={fullest > 0.9}
        />
        {overview.streams.length === 0 ? null : (
          <Tile name="Relayed" value={formatBytes(rates?.streamBytes ?? 0)} unit="/s" />
        )}
      </dl>
      <div class="charts">
        <TimeChart
          title="Requests per second"
          time={time}
          format={formatRate}
          series={[
            { label: 'fine', color: '--chart-1', values: columns.ok, isFilled: true },
            { label: '4xx', color: '--chart-2', values: columns.clientErrors },
            { label: '5xx', color: '--chart-3', values: columns.serverErrors },
          ]}
        />
        <TimeChart
          title="Latency"
          time={time}
          format={(ms) => formatSeconds(ms / 1000)}
          series={[
            { label: 'p50', color: '--chart-1', values: columns.p50 },
            { label: 'p99', color: '--chart-2', values: columns.p99 },
          ]}
        />
        <TimeChart
          title="Open"
          time={time}
          format={formatCount}
          series={[
            { label: 'connections', color: '--chart-1', values: columns.connections, isFilled: true },
            { label: 'source ports', color: '--chart-4', values: columns.ports },
          ]}
        />
      </div>
      <div class="panels">
        <ListenerTable overview={overview} rates={rates} />
        <BackendTable overview={overview} rates={rates} />
        <PoolTable overview={overview} />
        <ProcessTable overview={overview} rates={rates} />
      </div>
    </>
  );
}

interface TileProps {
  readonly name: string;
  readonly value: string;
  readonly unit: string;
  readonly isBad?: boolean;
}

function Tile({ name, value, unit, isBad = false }: TileProps) {
  return (
    <div class={`tile${isBad ? ' tile-bad' : ''}`}>
      <dt>{name}</dt>
      <dd>
        <span class="tile-value">{value}</span> <span class="tile-unit">{unit}</span>
      </dd>
    </div>
  );
}
