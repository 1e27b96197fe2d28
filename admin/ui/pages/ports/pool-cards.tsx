import type { PoolSummary } from '../../api/answers.ts';
import { formatCount, formatPercent, formatSpan, plural } from '../../model/format.ts';
import { Meter } from '../../parts/meter.tsx';

export interface PoolCardsProps {
  readonly pools: readonly PoolSummary[];
  readonly chosen: string | undefined;
  readonly onAdd: (pool: string) => void;
}

/** How each pool stands, and what to do about it. */
export function PoolCards({ pools, chosen, onAdd }: PoolCardsProps) {
  return (
    <ul class="cards">
      {pools
        .filter(({ name }) => chosen === undefined || name === chosen)
        .map((pool) => (
          <li key={pool.name} class="card">
            <div class="card-head">
              <h2>{pool.name}</h2>
              <button type="button" class="small" onClick={() => onAdd(pool.name)}>
                Add address<span class="unseen"> to pool {pool.name}</span>
              </button>
            </div>
            <p>
              {pool.ready === pool.addresses
                ? plural(pool.addresses, 'address', 'addresses')
                : `${pool.ready} of ${plural(pool.addresses, 'address', 'addresses')} in use`}
              , {formatCount(pool.ports)} connections to each destination
            </p>
            <Tightest pool={pool} />
          </li>
        ))}
    </ul>
  );
}

function Tightest({ pool: { name, tightest, queued } }: { readonly pool: PoolSummary }) {
  if (tightest === null) return <p class="muted">Nothing is connected from here yet.</p>;
  const { destination, busy, capacity, exhaustion_seconds: seconds, add_addresses: more } = tightest;
  const share = busy / Math.max(1, capacity);
  return (
    <>
      <p class="metered">
        <Meter share={share} label={`Ports of pool ${name} towards ${destination} in use`} />
        <span>
          {formatPercent(share)} towards <span class="mono">{destination}</span>
        </span>
      </p>
      <p class={seconds !== null && seconds < 600 ? 'text-bad' : 'muted'}>
        {seconds === null
          ? 'Will not run out as it goes now.'
          : seconds <= 0
            ? 'No port is free.'
            : `Runs out in ${formatSpan(seconds)} if it goes on like this.`}
        {more > 0 ? ` Add ${plural(more, 'address', 'addresses')}.` : ''}
        {queued > 0 ? ` ${plural(queued, 'connection')} ${queued === 1 ? 'waits' : 'wait'} for a port.` : ''}
      </p>
    </>
  );
}
