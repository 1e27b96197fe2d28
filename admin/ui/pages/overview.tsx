import { formatBytes, formatCount, formatLatency, formatPercent, formatRate, formatSeconds } from '../model/format.ts';
import { TimeChart } from '../parts/time-chart.tsx';
import { useServices } from '../services.ts';
import { AttentionList } from './overview/attention-list.tsx';
import { BackendTable, ListenerTable, PoolTable, ProcessTable } from './overview/tables.tsx';

/** What needs attention first, then how it goes, then the parts. */
export function OverviewPage() {
  const { live } = useServices();
  const overview = live.overview.value;
  if (overview === undefined) return <p class="muted">Waiting for the first answer …</p>;
  const tick = live.tick.value;
  const { columns } = live.history;
  const { time } = columns;
  const rate = tick?.requests_per_second ?? 0;
  const failed = rate === 0 ? 0 : (tick?.errors_per_second ?? 0) / rate;
  const relayed = (tick?.bytes_in_per_second ?? 0) + (tick?.bytes_out_per_second ?? 0);
  const fullest = Math.max(
    0,
    ...overview.pools.map(({ tightest }) => (tightest === null ? 0 : tightest.busy / Math.max(1, tightest.capacity))),
  );
  return (
    <>
      <AttentionList items={live.attention.value} />
      <dl class="tiles">
        <Tile name="Requests" value={formatRate(rate)} unit="/s" />
        <Tile name="Server errors" value={formatPercent(failed)} unit="of answers" isBad={failed >= 0.01} />
        <Tile
          name="Latency, p99"
          value={formatLatency(tick?.p99_seconds)}
          unit={`p50 ${formatLatency(tick?.p50_seconds)}`}
        />
        <Tile
          name="Connections"
          value={formatCount(tick?.connections ?? 0)}
          unit={
            (tick?.websockets ?? 0) > 0
              ? `${formatCount(tick!.websockets)} WebSocket`
              : `${formatRate(tick?.connections_per_second ?? 0)}/s new`
          }
        />
        <Tile
          name="Source ports"
          value={formatCount(tick?.ports.used ?? 0)}
          unit={`used, fullest ${formatPercent(fullest)}`}
          isBad={fullest > 0.9}
        />
        {relayed === 0 ? null : <Tile name="Relayed" value={formatBytes(relayed)} unit="/s" />}
      </dl>
      <div class="charts">
        <TimeChart
          title="Requests per second"
          time={time}
          format={formatRate}
          series={[
            { label: 'answered', color: '--chart-1', values: columns.ok, isFilled: true },
            { label: 'server errors', color: '--chart-3', values: columns.errors },
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
        <ListenerTable overview={overview} tick={tick} />
        <BackendTable overview={overview} tick={tick} />
        <PoolTable overview={overview} />
        <ProcessTable overview={overview} tick={tick} />
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
