import { signal } from '@preact/signals';
import type { ComponentType } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { type Location, type PageName, parseLocation } from './model/location.ts';
import { BackendsPage } from './pages/backends.tsx';
import { ConfigPage } from './pages/config.tsx';
import { EventsPage } from './pages/events.tsx';
import { OverviewPage } from './pages/overview.tsx';
import { PortsPage } from './pages/ports.tsx';
import { RoutesPage } from './pages/routes.tsx';
import { SetupPage } from './pages/setup.tsx';
import { NoticeList } from './parts/notices.tsx';
import { useServices } from './services.ts';
import { Navigation } from './shell/navigation.tsx';
import { TokenDialog } from './shell/token-dialog.tsx';
import { TopBar } from './shell/top-bar.tsx';

export interface PageProps {
  /** What the URL names behind the page. */
  readonly item: string | undefined;
}

const VIEWS: Readonly<Record<PageName, { readonly title: string; readonly view: ComponentType<PageProps> }>> = {
  overview: { title: 'Overview', view: OverviewPage },
  ports: { title: 'Ports', view: PortsPage },
  backends: { title: 'Backends', view: BackendsPage },
  routes: { title: 'Listeners and routes', view: RoutesPage },
  setup: { title: 'Setup', view: SetupPage },
  config: { title: 'Config', view: ConfigPage },
  events: { title: 'Events', view: EventsPage },
};

const location = signal<Location>(parseLocation(globalThis.location.hash));

export function App() {
  const { notices, api } = useServices();
  const heading = useRef<HTMLHeadingElement>(null);
  const isFirst = useRef(true);
  const { page, item } = location.value;
  const { title, view: View } = VIEWS[page];

  useEffect(() => {
    const follow = (): void => {
      location.value = parseLocation(globalThis.location.hash);
    };
    addEventListener('hashchange', follow);
    return () => removeEventListener('hashchange', follow);
  }, []);

  useEffect(() => {
    document.title = `${title} · Portico`;
    // A reader that followed a link is to be told where it is; the first page is announced by the browser.
    if (!isFirst.current) heading.current?.focus();
    isFirst.current = false;
  }, [title]);

  return (
    <>
      <button type="button" class="skip" onClick={() => document.getElementById('main')?.focus()}>
        Skip to the content
      </button>
      <TopBar />
      <div class="frame">
        <Navigation page={page} views={VIEWS} />
        <main id="main" tabIndex={-1}>
          <h1 ref={heading} tabIndex={-1}>
            {title}
          </h1>
          {api.token.isWanted.value ? null : <View item={item} />}
        </main>
      </div>
      <NoticeList notices={notices} />
      {api.token.isWanted.value ? <TokenDialog /> : null}
    </>
  );
}
