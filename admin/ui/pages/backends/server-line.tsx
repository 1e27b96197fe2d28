import type { ComponentChildren } from 'preact';
import type { Backend, Rates, ServerInUse } from '../../api/answers.ts';
import { formatCount, formatLatency, formatPercent, formatRate, plural } from '../../model/format.ts';
import { Badge } from '../../parts/badge.tsx';

function Cell({ class: name, children }: { readonly class?: string; readonly children: ComponentChildren }) {
  return (
    // biome-ignore lint/a11y/useSemanticElements: a cell of rows that are no table element
    <span class={name} role="cell">
      {children}
    </span>
  );
}

export interface BackendLineProps {
  readonly backend: Backend;
  readonly shown: number;
  readonly rates: Rates | undefined;
  readonly onAdd: () => void;
}

export function BackendLine({ backend: { name, servers, sticky }, shown, rates, onAdd }: BackendLineProps) {
  const rate = rates?.requests_per_second ?? 0;
  return (
    // biome-ignore lint/a11y/useSemanticElements: a cell of rows that are no table element
    <div class="source-line" role="cell" aria-colspan={7}>
      <strong>{name}</strong>
      <span class="muted source-facts">
        {shown === servers.length ? '' : `${formatCount(shown)} of `}
        {plural(servers.length, 'server')}, {formatRate(rate)} requests/s
        {rate === 0
          ? ''
          : `, ${formatPercent(rates!.errors_per_second / rate)} server errors, p50 ${formatLatency(rates!.p50_seconds)}, p99 ${formatLatency(rates!.p99_seconds)}`}
        {sticky === null ? '' : `, sessions kept by ${sticky.by} ${sticky.name}`}
      </span>
      <button type="button" class="small" onClick={onAdd}>
        Add server<span class="unseen"> to backend {name}</span>
      </button>
    </div>
  );
}

export interface ServerLineProps {
  readonly server: ServerInUse;
  /** Over the last look; null: no answer came in that time. */
  readonly latencySeconds: number | null;
  readonly onToggle: () => void;
  readonly onEdit: () => void;
}

export function ServerLine({ server, latencySeconds, onToggle, onEdit }: ServerLineProps) {
  const { id, name, weight, backup, active, idle, state } = server;
  return (
    <>
      <Cell class="pair-name mono">
        {id}
        {name === undefined ? '' : <span class="muted"> {name}</span>}
      </Cell>
      <Cell class="server-state">
        <ServerState server={server} />
      </Cell>
      <Cell class="number">
        {weight}
        {backup ? ' (backup)' : ''}
      </Cell>
      <Cell class="number">{formatLatency(latencySeconds)}</Cell>
      <Cell class="number">{formatCount(active)}</Cell>
      <Cell class="number muted">{formatCount(idle)}</Cell>
      <Cell class="row-actions">
        <button type="button" class="small" onClick={onToggle}>
          {state === 'ready' ? 'Drain' : 'Ready'}
          <span class="unseen"> {id}</span>
        </button>
        <button type="button" class="small" onClick={onEdit}>
          Edit<span class="unseen"> {id}</span>
        </button>
      </Cell>
    </>
  );
}

function ServerState({ server: { state, healthy, reason, ejected_by, active } }: { readonly server: ServerInUse }) {
  if (state === 'maintenance') return <Badge tone="off">maintenance</Badge>;
  if (!healthy) {
    return (
      <>
        <Badge tone="bad">unhealthy</Badge> <span class="muted">{reason ?? 'not checked yet'}</span>
      </>
    );
  }
  if (state === 'drain') return <Badge tone="warn">{active > 0 ? `draining, ${active} left` : 'drained'}</Badge>;
  if (ejected_by > 0) return <Badge tone="warn">{`put aside by ${plural(ejected_by, 'plane')}`}</Badge>;
  return <Badge tone="good">up</Badge>;
}
