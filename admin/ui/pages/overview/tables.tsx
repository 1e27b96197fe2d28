import type { Overview } from '../../api/types.ts';
import { formatBytes, formatCount, formatPercent, formatRate, formatSeconds, formatSpan } from '../../model/format.ts';
import type { Rates } from '../../model/rates.ts';
import { Badge } from '../../parts/badge.tsx';
import { Meter } from '../../parts/meter.tsx';
import { Panel } from '../../parts/panel.tsx';
import { ScrollBox } from '../../parts/scroll-box.tsx';

interface Props {
  readonly overview: Overview;
  readonly rates: Rates | undefined;
}

const latency = (seconds: number | undefined): string => (seconds === undefined ? '–' : formatSeconds(seconds));

export function ListenerTable({ overview, rates }: Props) {
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
              const own = rates?.byListener.get(name);
              return (
                <tr key={name}>
                  <th scope="row">{name}</th>
                  <td>{engine}</td>
                  <td class="mono">{bind}</td>
                  <td class="number">{formatCount(connections)}</td>
                  <td class="number">{own === undefined ? '–' : formatRate(own.perSecond)}</td>
                  <td class={`number${(own?.failed ?? 0) > 0 ? ' text-bad' : ''}`}>
                    {own === undefined ? '–' : formatPercent(own.failed)}
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

export function BackendTable({ overview, rates }: Props) {
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
              const own = rates?.byBackend.get(name);
              const tone = available === servers ? 'good' : available === 0 ? 'bad' : 'warn';
              return (
                <tr key={name}>
                  <th scope="row">
                    <a href={`#/backends/${encodeURIComponent(name)}`}>{name}</a>
                  </th>
                  <td>
                    <Badge tone={tone}>{`${formatCount(available)} of ${formatCount(servers)}`}</Badge>
                  </td>
                  <td class="number">{own === undefined ? '–' : formatRate(own.perSecond)}</td>
                  <td class={`number${(own?.failed ?? 0) > 0 ? ' text-bad' : ''}`}>
                    {own === undefined ? '–' : formatPercent(own.failed)}
                  </td>
                  <td class="number">{latency(own?.p50)}</td>
                  <td class="number">{latency(own?.p99)}</td>
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

export function ProcessTable({ overview, rates }: Props) {
  const processes = [...overview.planes, ...overview.workers.map((each) => ({ ...each, resident_bytes: null }))];
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
            {processes.map(({ id, ready, restarts, resident_bytes: bytes }) => {
              const cpu = rates?.cpu.get(id);
              return (
                <tr key={id}>
                  <th scope="row">{id}</th>
                  <td>{ready ? <Badge tone="good">runs</Badge> : <Badge tone="bad">down</Badge>}</td>
                  <td class="number">{cpu === undefined ? '–' : formatPercent(cpu)}</td>
                  <td class="number">{bytes === null ? '–' : formatBytes(bytes)}</td>
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
