import { useEffect, useState } from 'preact/hooks';

const current = (): string =>
  document.documentElement.getAttribute('data-theme') ??
  (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light');

/** `light` or `dark`, as it is shown: for what is drawn and not styled. */
export function useTheme(): string {
  const [theme, setTheme] = useState(current);
  useEffect(() => {
    const follow = (): void => setTheme(current());
    const chosen = new MutationObserver(follow);
    chosen.observe(document.documentElement, { attributeFilter: ['data-theme'] });
    const preferred = matchMedia('(prefers-color-scheme: dark)');
    preferred.addEventListener('change', follow);
    return () => {
      chosen.disconnect();
      preferred.removeEventListener('change', follow);
    };
  }, []);
  return theme;
}
