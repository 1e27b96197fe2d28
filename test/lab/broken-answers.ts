import { readFileSync } from 'node:fs';
import type { Failure } from './oracle.ts';

/** In a line of the access log (JSON): the server ended its connection before its answer was whole. */
export const BROKEN_OFF = '"end":"server-closed"';
/** A line is written when the client's connection has been reset; the client may be slow to see it. */
const SLACK_MS = 1000;

export interface BrokenAnswer {
  readonly clientPort: number;
  readonly atMs: number;
}

/** `text`: lines of the access log, the last perhaps not whole yet. */
export function parseBrokenAnswers(text: string): readonly BrokenAnswer[] {
  return text
    .split('\n')
    .slice(0, -1)
    .filter((line) => line.includes(BROKEN_OFF))
    .map((line) => {
      const { time, client_port } = JSON.parse(line) as { readonly time: string; readonly client_port: number };
      return { clientPort: client_port, atMs: Date.parse(time) };
    });
}

export function readBrokenAnswers(file: string): readonly BrokenAnswer[] {
  return parseBrokenAnswers(readFileSync(file, 'utf8'));
}

/**
 * With `hasBegun` where Portico says that the answer broke off. It ends such a connection by a reset, and what the kernel has not sent by then goes
 * with it: the client may see nothing of an answer that had begun.
 */
export function withBrokenAnswers(failure: Failure, answers: readonly BrokenAnswer[]): Failure {
  const { port, startedMs, endedMs } = failure;
  const isBroken = answers.some(
    ({ clientPort, atMs }) => clientPort === port && atMs >= startedMs - SLACK_MS && atMs <= endedMs + SLACK_MS,
  );
  return isBroken ? { ...failure, hasBegun: true } : failure;
}
