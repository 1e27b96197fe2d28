export const PAGES = ['overview', 'ports', 'backends', 'routes', 'setup', 'config', 'events'] as const;

export type PageName = (typeof PAGES)[number];

export interface Location {
  readonly page: PageName;
  /** What is named behind the page: a pool, a backend. */
  readonly item: string | undefined;
}

/** Of the part of the URL from `#` on; what is not known is the overview. */
export function parseLocation(hash: string): Location {
  const [page, item] = hash.replace(/^#?\/?/, '').split('/');
  return {
    page: PAGES.find((each) => each === page) ?? 'overview',
    item: item === undefined || item === '' ? undefined : decode(item),
  };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
