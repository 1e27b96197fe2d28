import type { Link } from '../live/live.ts';
import { formatSpan } from '../model/format.ts';
import { Badge, type Tone } from '../parts/badge.tsx';
import { useServices } from '../services.ts';
import { ThemeButton } from './theme-button.tsx';

const LINKS: Readonly<Record<Link, { readonly tone: Tone; readonly text: string }>> = {
  connecting: { tone: 'off', text: 'Connecting' },
  live: { tone: 'good', text: 'Live' },
  lost: { tone: 'bad', text: 'No answer, trying on' },
};

export function TopBar() {
  const { live } = useServices();
  const overview = live.overview.value;
  const { tone, text } = LINKS[live.link.value];
  return (
    <header class="top">
      <a class="brand" href="#/overview" aria-label="Portico, overview">
        <svg viewBox="0 0 32 32" width="22" height="22" aria-hidden="true">
          <path
            fill="currentColor"
            d="M6 12 16 5.500 26 12v2H6zM8 16h3v8H8zm6.500 0h3v8h-3zM21 16h3v8h-3zM6 25.500h20V28H6z"
          />
        </svg>
        Portico
      </a>
      <span class="top-facts">
        {overview === undefined ? null : (
          <>
            {overview.ready ? <Badge tone="good">Serving</Badge> : <Badge tone="bad">Not ready</Badge>}
            <span class="wide-only muted">
              {overview.version}, up {formatSpan(overview.uptime_seconds)}
            </span>
          </>
        )}
      </span>
      <span class="top-tools">
        <span role="status">
          <Badge tone={tone}>{text}</Badge>
        </span>
        <ThemeButton />
      </span>
    </header>
  );
}
