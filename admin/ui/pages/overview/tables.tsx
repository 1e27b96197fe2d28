import type { Overview, Rates, StatusTick } from '../../api/answers.ts';
import { formatBytes, formatCount, formatLatency, formatPercent, formatRate, formatSpan } from '../../model/format.ts';
import { Badge } from '../../parts/badge.tsx';
import { Meter } from '../../parts/meter.tsx';
import { Panel } from '../../parts/panel.tsx';
import { ScrollBox } from '../../parts/scroll-box.tsx';
import { type Column, TableHead } from '../../parts/table-head.tsx';

const LISTENERS: readonly Column[] = [
  ['Name'],
  ['Engine'],
  ['Address'],
  ['Open', 'number'],
  ['Requests/s', 'number'],
  ['5xx', 'number'],
];
const BACKENDS: readonly Column[] = [
  ['Name'],
  ['Servers'],
  ['Requests/s', 'number'],
  ['5xx', 'number'],
  ['p50', 'number'],
  ['p99', 'number'],
  ['Busy', 'number'],
];
const POOLS: readonly Column[] = [
  ['Pool'],
  ['Addresses', 'number'],
  ['Tightest destination'],
  ['Full'],
  ['Runs out', 'number'],
];
const PROCESSES: readonly Column[] = [
  ['Process'],
  ['State'],
  ['CPU', 'number'],
  ['Memory', 'number'],
  ['Restarts', 'number'],
];

interface Props {
  readonly overview: Overview;
  readonly tick: StatusTick | undefined;
}

const failedOf = ({ requests_per_second, errors_per_second }: Rates): number =>
  requests_per_second === 0 ? 0 : errors_per_second / requests_per_second;

export function ListenerTable({ overview, tick }: Props) {
  return (
    <Panel title="Listeners" aside={<a href="#/routes">Routes</a>}>
      <ScrollBox label="Listeners, table">
        <table>
          <TableHead columns={LISTENERS} />
          <tbody>
            {overview.listeners.map(({ name, engine, bind, connections }) => {
              const own = tick?.listeners.find((each) => each.name === name);
              return (
                <tr key={name}>
                  <th scope="row">{name}</th>
                  <td>{engine}</td>
                  <td class="mono">{bind}</td>
                  <td class="number">{formatCount(connections)}</td>
                  <td class="number">{own === undefined ? '–' : formatRate(own.requests_per_second)}</td>
                  <td class={`number${own !== undefined && failedOf(own) > 0 ? ' text-bad' : ''}`}>
                    {own === undefined ? '–' : formatPercent(failedOf(own))}
                  </td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </ScrollBox>
    </Panel>
  );
}

export function BackendTable({ overview, tick }: Props) {
  return (
    <Panel title="Backends" aside={<a href="#/backends">Servers</a>}>
      <ScrollBox label="Backends, table">
        <table>
          <TableHead columns={BACKENDS} />
          <tbody>
            {overview.backends.map(({ name, servers, available, active }) => {
              const own = tick?.backends.find((each) => each.name === name);
              const tone = available === servers ? 'good' : available === 0 ? 'bad' : 'warn';
              return (
                <tr key={name}>
                  <th scope="row">
                    <a href={`#/backends/${encodeURIComponent(name)}`}>{name}</a>
                  </th>
                  <td>
                    <Badge tone={tone}>{`${formatCount(available)} of ${formatCount(servers)}`}</Badge>
                  </td>
                  <td class="number">{own === undefined ? '–' : formatRate(own.requests_per_second)}</td>
                  <td class={`number${own !== undefined && failedOf(own) > 0 ? ' text-bad' : ''}`}>
                    {own === undefined ? '–' : formatPercent(failedOf(own))}
                  </td>
                  <td class="number">{formatLatency(own?.p50_seconds)}</td>
                  <td class="number">{formatLatency(own?.p99_seconds)}</td>
                  <td class="number">{formatCount(active)}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </ScrollBox>
    </Panel>
  );
}

export function PoolTable({ overview }: Pick<Props, 'overview'>) {
  return (
    <Panel title="Source pools" aside={<a href="#/ports">Ports</a>}>
      <ScrollBox label="Source pools, table">
        <table>
          <TableHead columns={POOLS} />
          <tbody>
            {overview.pools.map(({ name, addresses, ready, tightest }) => {
              const share = tightest === null ? 0 : tightest.busy / Math.max(1, tightest.capacity);
              return (
                <tr key={name}>
                  <th scope="row">
                    <a href={`#/ports/${encodeURIComponent(name)}`}>{name}</a>
                  </th>
                  <td class="number">{ready === addresses ? addresses : `${ready} of ${addresses}`}</td>
                  <td class="mono">{tightest?.destination ?? '–'}</td>
                  <td>
                    <span class="metered">
                      <Meter share={share} label={`Ports of pool ${name} in use`} />
                      <span>{formatPercent(share)}</span>
                    </span>
                  </td>
                  <td class="number">
                    {tightest === null || tightest.exhaustion_seconds === null
                      ? 'not in sight'
                      : `in ${formatSpan(tightest.exhaustion_seconds)}`}
                  </td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </ScrollBox>
    </Panel>
  );
}

export function ProcessTable({ overview, tick }: Props) {
  const planes = new Map(tick?.planes.map((plane) => [plane.id, plane]));
  return (
    <Panel title="Processes">
      <ScrollBox label="Processes, table">
        <table>
          <TableHead columns={PROCESSES} />
          <tbody>
            {[...overview.planes, ...overview.workers].map(({ id, ready, restarts }) => {
              const plane = planes.get(id);
              return (
                <tr key={id}>
                  <th scope="row">{id}</th>
                  <td>{ready ? <Badge tone="good">runs</Badge> : <Badge tone="bad">down</Badge>}</td>
                  <td class="number">{plane === undefined ? '–' : formatPercent(plane.cpu)}</td>
                  <td class="number">{plane === undefined ? '–' : formatBytes(plane.resident_bytes)}</td>
                  <td class="number">{restarts}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </ScrollBox>
    </Panel>
  );
}
