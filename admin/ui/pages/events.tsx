import { useEffect, useState } from 'preact/hooks';
import type { PorticoEvent } from '../api/answers.ts';
import { dataOf } from '../api/api.ts';
import { messageOf } from '../api/api-error.ts';
import { Badge, type Tone } from '../parts/badge.tsx';
import { useServices } from '../services.ts';

const TONES: Readonly<Record<PorticoEvent['severity'], Tone>> = { info: 'info', warning: 'warn', error: 'bad' };
const TYPES = ['change', 'server', 'source', 'plane', 'worker', 'config', 'alarm'];
const PAGE = 100;

/** What happened, the latest first: what the server kept, and what comes in. */
export function EventsPage() {
  const { api, live } = useServices();
  const [type, setType] = useState('');
  const [past, setPast] = useState<readonly PorticoEvent[]>([]);
  const [next, setNext] = useState<string | null>(null);
  const [error, setError] = useState<string | undefined>(undefined);

  const load = async (before: string | null, isCurrent: () => boolean): Promise<void> => {
    try {
      const page = await dataOf(
        api.client.GET('/api/v1/events/history', {
          params: {
            query: { limit: PAGE, ...(type === '' ? {} : { types: type }), ...(before === null ? {} : { before }) },
          },
        }),
      );
      if (!isCurrent()) return;
      setPast((last) => (before === null ? page.events : [...last, ...page.events]));
      setNext(page.next);
      setError(undefined);
    } catch (failure) {
      if (isCurrent()) setError(messageOf(failure));
    }
  };
  useEffect(() => {
    let isCurrent = true;
    void load(null, () => isCurrent);
    return () => {
      isCurrent = false;
    };
  }, [type]);

  const known = new Set(past.map(({ id }) => id));
  const fresh = live.events.value.filter((event) => !known.has(event.id) && (type === '' || event.type === type));
  const events = [...fresh, ...past];
  return (
    <>
      <div class="toolbar">
        <label>
          About{' '}
          <select value={type} onChange={(event) => setType(event.currentTarget.value)}>
            <option value="">everything</option>
            {TYPES.map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
      </div>
      {error === undefined ? null : (
        <p class="problem" role="alert">
          {error}
        </p>
      )}
      {events.length === 0 ? (
        <p class="muted">Nothing has happened since Portico started.</p>
      ) : (
        <ol class="events panel">
          {events.map((event) => (
            <EventLine key={event.id} event={event} />
          ))}
        </ol>
      )}
      {next === null ? null : (
        <div>
          <button type="button" onClick={() => void load(next, () => true)}>
            Show older ones
          </button>
        </div>
      )}
    </>
  );
}

function EventLine({ event: { time, type, severity, message, data } }: { readonly event: PorticoEvent }) {
  const hasData = Object.keys(data).length > 0;
  return (
    <li class="event">
      <time dateTime={time} title={time}>
        {new Date(time).toLocaleTimeString('en-GB')}
      </time>
      <span class="event-type">
        <Badge tone={TONES[severity]}>{type}</Badge>
      </span>
      {hasData ? (
        <details class="event-text">
          <summary>{message}</summary>
          <pre>{JSON.stringify(data, null, 2)}</pre>
        </details>
      ) : (
        <span class="event-text">{message}</span>
      )}
    </li>
  );
}
