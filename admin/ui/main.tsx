import { render } from 'preact';
import { Api } from './api/api.ts';
import { TokenStore } from './api/token-store.ts';
import { App } from './app.tsx';
import { Live } from './live/live.ts';
import { Notices } from './parts/notices.tsx';
import { PaintQueue } from './parts/paint-queue.ts';
import { type Services, ServicesContext } from './services.ts';
import { restoreTheme } from './shell/theme-button.tsx';
import './styles/base.css';
import './styles/shell.css';
import './styles/parts.css';
import './styles/pages.css';
import './styles/config.css';

function wait(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

restoreTheme();
const api = new Api((...request) => fetch(...request), new TokenStore(sessionStorage));
const timing = { isHidden: () => document.hidden, now: () => performance.now(), wait };
const live = new Live(api, timing);
const paint = new PaintQueue({ onFrame: (run) => void requestAnimationFrame(run), now: timing.now });
const services: Services = { api, live, notices: new Notices(), timing, paint };
document.addEventListener('visibilitychange', () => live.hurry());
live.start();
render(
  <ServicesContext.Provider value={services}>
    <App />
  </ServicesContext.Provider>,
  document.getElementById('app')!,
);
