import type { Overview, Rates, StatusTick } from '../../api/answers.ts';
import { formatBytes, formatCount, formatLatency, formatPercent, formatRate, formatSpan } from '../../model/format.ts';
import { Badge } from '../../parts/badge.tsx';
import { Meter } from '../../parts/meter.tsx';
import { Panel } from '../../parts/panel.tsx';
import { ScrollBox } from '../../parts/scroll-box.tsx';

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
          <thead>
            <tr>
              <th scope="col">Name</th>
              <th scope="col">Engine</th>
              <th scope="col">Address</th>
              <th scope="col" class="number">
                Open
              </th>
              <th scope="col" class="number">
                Requests/s
              </th>
              <th scope="col" class="number">
                5xx
              </th>
            </tr>
          </thead>
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
          <thead>
            <tr>
              <th scope="col">Name</th>
              <th scope="col">Servers</th>
              <th scope="col" class="number">
                Requests/s
              </th>
              <th scope="col" class="number">
                5xx
              </th>
              <th scope="col" class="number">
                p50
              </th>
              <th scope="col" class="number">
                p99
              </th>
              <th scope="col" class="number">
                Busy
              </th>
            </tr>
          </thead>
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
          <thead>
            <tr>
              <th scope="col">Pool</th>
              <th scope="col" class="number">
                Addresses
              </th>
              <th scope="col">Tightest destination</th>
              <th scope="col">Full</th>
              <th scope="col" class="number">
                Runs out
              </th>
            </tr>
          </thead>
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
          <thead>
            <tr>
              <th scope="col">Process</th>
              <th scope="col">State</th>
              <th scope="col" class="number">
                CPU
              </th>
              <th scope="col" class="number">
                Memory
              </th>
              <th scope="col" class="number">
                Restarts
              </th>
            </tr>
          </thead>
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
