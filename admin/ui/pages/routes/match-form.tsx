import { useState } from 'preact/hooks';
import type { RouteMatch, Routes } from '../../api/answers.ts';
import { dataOf } from '../../api/api.ts';
import { messageOf } from '../../api/api-error.ts';
import { parseHeaders } from '../../model/parse-headers.ts';
import { Panel } from '../../parts/panel.tsx';
import { useServices } from '../../services.ts';

export interface MatchFormProps {
  readonly listeners: Routes['listeners'];
  readonly onMatch: (match: RouteMatch | undefined) => void;
}

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS'];

/** «Where would this request go?», answered by the router of the data plane; nothing is sent. */
export function MatchForm({ listeners, onMatch }: MatchFormProps) {
  const { api } = useServices();
  const [listener, setListener] = useState(listeners[0]?.name ?? '');
  const [method, setMethod] = useState('GET');
  const [url, setUrl] = useState('');
  const [headers, setHeaders] = useState('');
  const [match, setMatch] = useState<RouteMatch | undefined>(undefined);
  const [problem, setProblem] = useState<string | undefined>(undefined);
  const ask = async (event: Event): Promise<void> => {
    event.preventDefault();
    setProblem(undefined);
    try {
      const { scheme, host, path } = splitUrl(url.trim());
      const found = await dataOf(
        api.client.POST('/api/v1/routes/match', {
          body: {
            ...(listener === '' ? {} : { listener }),
            method,
            scheme,
            host,
            path,
            headers: parseHeaders(headers),
          },
        }),
      );
      setMatch(found);
      onMatch(found);
    } catch (error) {
      setMatch(undefined);
      onMatch(undefined);
      setProblem(messageOf(error));
    }
  };
  return (
    <Panel title="Where would this request go?">
      <form class="match panel-body" onSubmit={ask}>
        <label class="field">
          Listener
          <select value={listener} onChange={(event) => setListener(event.currentTarget.value)}>
            {listeners.map(({ name }) => (
              <option key={name} value={name}>
                {name}
              </option>
            ))}
          </select>
        </label>
        <label class="field">
          Method
          <select value={method} onChange={(event) => setMethod(event.currentTarget.value)}>
            {METHODS.map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
        <label class="field match-url">
          URL
          <input
            class="mono"
            required
            placeholder="http://shop.example/cart?item=1"
            spellcheck={false}
            autocomplete="off"
            value={url}
            onInput={(event) => setUrl(event.currentTarget.value)}
          />
        </label>
        <label class="field match-headers">
          Header fields, one a line
          <textarea
            class="mono"
            rows={2}
            placeholder="X-Version: 2"
            spellcheck={false}
            value={headers}
            onInput={(event) => setHeaders(event.currentTarget.value)}
          />
        </label>
        <div class="actions">
          <button type="submit" class="primary">
            Find the route
          </button>
        </div>
      </form>
      <div class="panel-body" role="status">
        {problem === undefined ? null : <p class="problem">{problem}</p>}
        {match === undefined ? null : <Found match={match} />}
      </div>
    </Panel>
  );
}

function Found({ match: { listener, index, target, conditions, backends } }: { readonly match: RouteMatch }) {
  if (index === null) {
    return (
      <p class="found found-none">
        <b>No route</b> of listener {listener} takes it: the client gets 404.
      </p>
    );
  }
  return (
    <p class="found">
      <b>Route {index + 1}</b> of listener {listener} takes it
      {conditions.length === 0 ? '' : ` (${conditions.join(', ')})`}: <b>{target}</b>
      {backends.map(({ name }) => (
        <a key={name} href={`#/backends/${encodeURIComponent(name)}`}>
          Servers of {name}
        </a>
      ))}
    </p>
  );
}

/** A whole URL, or a path alone. */
function splitUrl(text: string): { scheme: 'http' | 'https'; host: string; path: string } {
  const match = /^(?:(https?):\/\/([^/?#]*))?([^#]*)/i.exec(text);
  const path = match?.[3] ?? '';
  return {
    scheme: match?.[1]?.toLowerCase() === 'https' ? 'https' : 'http',
    host: match?.[2] ?? '',
    path: path.startsWith('/') ? path : `/${path}`,
  };
}
