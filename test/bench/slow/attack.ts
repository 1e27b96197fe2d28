import type { Children } from '../children.ts';

/** A way in which slowhttptest keeps connections busy without sending or reading much. */
export interface Mode {
  readonly flag: string;
  readonly what: string;
  readonly args: (url: string) => readonly string[];
}

export const MODES: readonly Mode[] = [
  { flag: '-H', what: 'heads that never end', args: (url) => ['-i', '5', '-x', '24', '-u', `${url}/`] },
  { flag: '-B', what: 'bodies that drip', args: (url) => ['-i', '5', '-s', '8192', '-x', '10', '-u', `${url}/`] },
  { flag: '-R', what: 'many ranges', args: (url) => ['-a', '5', '-b', '500', '-t', 'HEAD', '-u', `${url}/`] },
  {
    flag: '-X',
    what: 'answers of 3 × 64 KiB that are hardly read',
    args: (url) => ['-w', '1', '-y', '512', '-n', '5', '-z', '32', '-k', '3', '-u', `${url}/bytes/65536`],
  },
];

/** What slowhttptest says of its connections at the end. */
export interface AttackResult {
  readonly connected: number;
  readonly closed: number;
}

export interface Attack {
  readonly connections: number;
  /** Connections a second. */
  readonly rate: number;
  readonly seconds: number;
}

/** Resolves when slowhttptest has ended, by itself after its time or earlier when all its connections are closed. */
export function attack(children: Children, port: number, mode: Mode, { connections, rate, seconds }: Attack) {
  const args = ['-c', connections, '-r', rate, '-l', seconds, '-p', 3, ...mode.args(`http://127.0.0.1:${port}`)];
  const child = children.spawn('slowhttptest', [mode.flag, ...args.map(String)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout!.on('data', (data) => {
    text += data;
  });
  return new Promise<AttackResult>((resolve, reject) => {
    child.once('error', () => reject(new Error('slowhttptest cannot be started; is it installed?')));
    child.once('close', () => {
      const most = (name: string): number =>
        Math.max(
          0,
          ...[...text.matchAll(new RegExp(`${name}:\\s*(?:\\x1b\\[[0-9;]*m)*\\s*(\\d+)`, 'g'))].map((match) =>
            Number(match[1]),
          ),
        );
      resolve({ connected: most('connected'), closed: most('closed') });
    });
  });
}
