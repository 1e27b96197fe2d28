import { spawn } from 'node:child_process';

export interface LoadResult {
  readonly requests: number;
  readonly requestsPerSecond: number;
  /** Answers other than 2xx and 3xx, and broken connections. */
  readonly errors: number;
}

/** Runs wrk with one thread: closed loop, `connections` requests under way at any time. */
export function runWrk(
  url: string,
  options: { readonly connections: number; readonly seconds: number; readonly close?: boolean },
): Promise<LoadResult> {
  const args = [
    '-t1',
    `-c${options.connections}`,
    `-d${options.seconds}`,
    ...(options.close === true ? ['-H', 'Connection: close'] : []),
    url,
  ];
  return new Promise((resolve, reject) => {
    const wrk = spawn('wrk', args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '';
    wrk.stdout.on('data', (data) => {
      text += data;
    });
    wrk.on('error', reject);
    wrk.on('close', () => {
      const number = (pattern: RegExp): number => Number(pattern.exec(text)?.[1] ?? 0);
      const sockets = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(text);
      // With `Connection: close` wrk counts the end of each connection as a read error; a broken answer shows in the requests per second.
      const broken =
        sockets === null
          ? 0
          : [1, ...(options.close === true ? [] : [2]), 3, 4].reduce((sum, i) => sum + Number(sockets[i]), 0);
      resolve({
        requests: number(/(\d+) requests in/),
        requestsPerSecond: number(/Requests\/sec:\s+([\d.]+)/),
        errors: number(/Non-2xx or 3xx responses: (\d+)/) + broken,
      });
    });
  });
}
