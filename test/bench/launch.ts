import type { ChildProcess, StdioOptions } from 'node:child_process';
import net from 'node:net';
import type { SubjectOptions } from './subject.ts';

const READY_MS = 45_000;
const POLL_MS = 20;

/**
 * Starts a balancer and waits until its port accepts. Rejects when something listens there already: its figures would be a stranger's.
 * `stdout`: a descriptor for its standard output.
 */
export async function launch(
  command: string,
  args: readonly string[],
  { port, children, isPinned }: SubjectOptions,
  stdout: number | 'ignore' = 'ignore',
): Promise<ChildProcess> {
  if (await accepts(port)) throw new Error(`port ${port} is in use; does another benchmark run?`);
  const stdio: StdioOptions = ['ignore', stdout, 'pipe'];
  const child = isPinned
    ? children.spawn('taskset', ['-c', '0', command, ...args], { stdio })
    : children.spawn(command, args, { stdio });
  let complaint = '';
  child.on('error', () => {});
  child.stderr!.on('data', (data) => {
    complaint += data;
  });
  await until(`${command} to listen on ${port}`, async () => {
    if (child.pid === undefined) throw new Error(`${command} cannot be started; is it installed?`);
    if (child.exitCode !== null || child.signalCode !== null)
      throw new Error(`${command} ended with ${child.signalCode ?? child.exitCode}: ${complaint}`);
    return accepts(port);
  });
  return child;
}

export function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1');
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}

/** Asks again and again until the answer is not false; rejects after 45 s. */
export async function until<T>(what: string, ask: () => Promise<T | false>): Promise<T> {
  const deadline = performance.now() + READY_MS;
  for (;;) {
    const answer = await ask();
    if (answer !== false) return answer;
    if (performance.now() > deadline) throw new Error(`waited ${READY_MS / 1000} s in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
