import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { PAGES, type PageName } from '../model/location.ts';
import { useServices } from '../services.ts';

export interface NavigationProps {
  readonly page: PageName;
  readonly views: Readonly<Record<PageName, { readonly title: string }>>;
}

/** The pages: a column beside the content, or a menu above it where the window is narrow. */
export function Navigation({ page, views }: NavigationProps): JSX.Element {
  const { live } = useServices();
  const [isOpen, setOpen] = useState(false);
  const urgent = live.attention.value.length;
  return (
    <nav class="pages" aria-label="Pages">
      <button
        type="button"
        class="pages-toggle"
        aria-expanded={isOpen}
        aria-controls="page-list"
        onClick={() => setOpen(!isOpen)}
      >
        <span aria-hidden="true">☰</span> {views[page].title}
      </button>
      <ul id="page-list" class={isOpen ? 'is-open' : ''}>
        {PAGES.map((name) => (
          <li key={name}>
            <a href={`#/${name}`} aria-current={name === page ? 'page' : undefined} onClick={() => setOpen(false)}>
              {views[name].title}
              {name === 'overview' && urgent > 0 ? (
                <span class="count">
                  {urgent}
                  <span class="unseen"> need attention</span>
                </span>
              ) : null}
            </a>
          </li>
        ))}
      </ul>
    </nav>
  );
}
