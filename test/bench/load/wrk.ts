import type { Children } from '../children.ts';

export interface WrkResult {
  readonly requests: number;
  readonly requestsPerSecond: number;
  /** Answers other than 2xx and 3xx. */
  readonly badStatuses: number;
  /** Connections that failed, broke or were silent for two seconds. */
  readonly socketErrors: number;
}

export interface WrkOptions {
  readonly connections: number;
  readonly seconds: number;
  /** The client asks for each connection to be closed after its answer. */
  readonly close?: boolean;
}

/** Runs wrk with one thread: closed loop, `connections` requests under way at any time. Rejects when it fails. */
export function runWrk(children: Children, url: string, options: WrkOptions): Promise<WrkResult> {
  return new Promise((resolve, reject) => {
    const wrk = children.spawn('wrk', wrkArguments(url, options), { stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '';
    wrk.stdout!.on('data', (data) => {
      text += data;
    });
    wrk.on('error', () => reject(new Error('wrk is missing: apt-get install wrk')));
    wrk.on('close', (code, signal) => {
      if (code === 0) resolve(parseWrk(text));
      else reject(new Error(`wrk ended with ${signal ?? code}: ${text}`));
    });
  });
}

export const wrkArguments = (url: string, { connections, seconds, close }: WrkOptions): string[] => [
  '-t1',
  `-c${connections}`,
  `-d${seconds}`,
  ...(close === true ? ['-H', 'Connection: close'] : []),
  url,
];

/** Reads what wrk prints. Throws when no request was answered: nothing can be said of such a run. */
export function parseWrk(text: string): WrkResult {
  const number = (pattern: RegExp): number => Number(pattern.exec(text)?.[1] ?? 0);
  const requests = number(/(\d+) requests in/);
  if (requests === 0) throw new Error(`wrk got no answer: ${text}`);
  const sockets = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(text);
  return {
    requests,
    requestsPerSecond: number(/Requests\/sec:\s+([\d.]+)/),
    badStatuses: number(/Non-2xx or 3xx responses: (\d+)/),
    socketErrors: (sockets?.slice(1) ?? []).reduce((sum, errors) => sum + Number(errors), 0),
  };
}
