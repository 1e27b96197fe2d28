import { readFileSync } from 'node:fs';
import { join } from 'node:path';
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
  // Each asks once and closes: slowhttptest ends by itself when the last has its answer.
  { flag: '-R', what: 'many ranges', args: (url) => ['-a', '5', '-b', '500', '-t', 'HEAD', '-u', `${url}/`] },
  {
    flag: '-X',
    what: 'answers of 3 × 64 KiB that are hardly read',
    args: (url) => ['-w', '1', '-y', '512', '-n', '5', '-z', '32', '-k', '3', '-u', `${url}/bytes/65536`],
  },
];

/** What slowhttptest says of its connections. */
export interface AttackResult {
  /** Open at once, at most. */
  readonly connected: number;
  /** Ended by the balancer. */
  readonly closed: number;
  /** Opened in all. */
  readonly opened: number;
}

export interface Attack {
  readonly connections: number;
  /** Connections a second. */
  readonly rate: number;
  readonly seconds: number;
}

/** Resolves when slowhttptest has ended, by itself after its time or earlier when all its connections are closed. */
export function attack(
  children: Children,
  directory: string,
  port: number,
  mode: Mode,
  { connections, rate, seconds }: Attack,
): Promise<AttackResult> {
  const report = join(directory, `slowhttptest${mode.flag}`);
  const numbers = ['-c', connections, '-r', rate, '-l', seconds, '-p', 3].map(String);
  const child = children.spawn(
    'slowhttptest',
    [mode.flag, ...numbers, '-g', '-o', report, ...mode.args(`http://127.0.0.1:${port}`)],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  );
  return new Promise<AttackResult>((resolve, reject) => {
    child.once('error', () => reject(new Error('slowhttptest cannot be started; is it installed?')));
    child.once('close', () => resolve(readReport(readFileSync(`${report}.csv`, 'utf8'))));
  });
}

/** A line for each second: its number, and how many connections are closed, pending and connected. */
function readReport(csv: string): AttackResult {
  const rows = csv
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => line.split(',').map(Number));
  const most = (of: (row: readonly number[]) => number): number => Math.max(0, ...rows.map(of));
  return {
    connected: most((row) => row[3] ?? 0),
    closed: most((row) => row[1] ?? 0),
    opened: most((row) => (row[1] ?? 0) + (row[3] ?? 0)),
  };
}
