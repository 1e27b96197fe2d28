import { useState } from 'preact/hooks';
import type { RouteMatch, Routes } from '../api/answers.ts';
import { usePolled } from '../live/use-polled.ts';
import { formatCount, formatPercent, formatRate } from '../model/format.ts';
import { Panel } from '../parts/panel.tsx';
import { ScrollBox } from '../parts/scroll-box.tsx';
import { useServices } from '../services.ts';
import { MatchForm } from './routes/match-form.tsx';

/** Each listener with its routes in the order in which they are tried, and a request to try them on. */
export function RoutesPage() {
  const { value, error } = usePolled<Routes>(
    { key: '', ask: (client, signal) => client.GET('/api/v1/routes', { signal }) },
    5000,
  );
  const [match, setMatch] = useState<RouteMatch | undefined>(undefined);
  const listeners = value?.listeners ?? [];
  return (
    <>
      {error === undefined ? null : (
        <p class="problem" role="alert">
          {error}
        </p>
      )}
      {listeners.length === 0 ? null : <MatchForm listeners={listeners} onMatch={setMatch} />}
      <div class="panels">
        {listeners.map((listener) => (
          <ListenerRoutes
            key={listener.name}
            listener={listener}
            found={match?.listener === listener.name ? match.index : null}
          />
        ))}
      </div>
    </>
  );
}

interface ListenerRoutesProps {
  readonly listener: Routes['listeners'][number];
  /** The route that took the request that was asked about. */
  readonly found: number | null;
}

function ListenerRoutes({ listener: { name, engine, routes }, found }: ListenerRoutesProps) {
  const { live } = useServices();
  const facts = live.overview.value?.listeners.find((each) => each.name === name);
  const rates = live.tick.value?.listeners.find((each) => each.name === name);
  const rate = rates?.requests_per_second ?? 0;
  return (
    <Panel
      title={name}
      aside={
        <span class="muted">
          {engine} on <span class="mono">{facts?.bind ?? ''}</span>, {formatCount(rates?.connections ?? 0)} open
          {rate > 0
            ? `, ${formatRate(rate)} requests/s, ${formatPercent(rates!.errors_per_second / rate)} server errors`
            : ''}
        </span>
      }
    >
      <ScrollBox label={`Routes of listener ${name}`}>
        <table>
          <thead>
            <tr>
              <th scope="col">#</th>
              <th scope="col">If the request has</th>
              <th scope="col">it goes to</th>
            </tr>
          </thead>
          <tbody>
            {routes.map(({ conditions, target, backends }, index) => (
              <tr key={index} class={index === found ? 'is-found' : ''}>
                <th scope="row">
                  {index + 1}
                  {index === found ? <span class="unseen"> takes the request that was asked about</span> : null}
                </th>
                <td class="wraps">
                  {conditions.length === 0 ? <span class="muted">anything</span> : conditions.join(', ')}
                </td>
                <td class="wraps">
                  {backends.length === 1 ? (
                    <a href={`#/backends/${encodeURIComponent(backends[0]!.name)}`}>{target}</a>
                  ) : (
                    target
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </ScrollBox>
    </Panel>
  );
}
