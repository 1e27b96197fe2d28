import type { Children } from '../children.ts';

export interface H2loadOptions {
  readonly connections: number;
  /** Requests under way on each connection at any time. */
  readonly streams: number;
  readonly requests: number;
}

/** Runs h2load, which speaks HTTP/2 from its first byte. Resolves with requests a second; rejects when one is not answered with 2xx. */
export function runH2load(
  children: Children,
  url: string,
  { connections, streams, requests }: H2loadOptions,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const h2load = children.spawn('h2load', ['-n', `${requests}`, '-c', `${connections}`, '-m', `${streams}`, url], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let text = '';
    h2load.stdout!.on('data', (data) => {
      text += data;
    });
    h2load.on('error', () => reject(new Error('h2load is missing: apt-get install nghttp2-client')));
    h2load.on('close', () => {
      const perSecond = Number(/finished in [^,]+, ([\d.]+) req\/s/.exec(text)?.[1] ?? 0);
      const answered = Number(/status codes: (\d+) 2xx/.exec(text)?.[1] ?? 0);
      if (answered === requests) resolve(perSecond);
      else reject(new Error(`h2load got ${answered} answers of ${requests}: ${text}`));
    });
  });
}
