import type { BackendConfig, ListenerConfig } from '../../config/config.ts';
import type { BackendState } from '../control/messages.ts';
import type { TrafficMetrics } from '../metrics/plane-metrics.ts';

/**
 * What an engine works by, all of it at one moment. Nobody changes it: what is different next time is another object, and what is the
 * same object as last time has not changed.
 */
export interface EngineSnapshot {
  /** Those that name this engine. */
  readonly listeners: readonly ListenerConfig[];
  /** Every backend; an engine keeps those that its listeners lead to. */
  readonly backends: readonly BackendConfig[];
  /** The servers of every backend, with their health and what the operator wants of them. */
  readonly states: readonly BackendState[];
}

/**
 * One way to forward traffic. Whoever runs it (a plane for the engines that relay bytes, the primary for those that only steer) calls
 * `start` once, `apply` for every change from then on, and at the end `drain` and `stop`, or `stop` alone.
 */
export interface Engine {
  /** Throws, or rejects, with an error whose message is one sentence that says what to do; nothing is left behind then. */
  start(snapshot: EngineSnapshot): void | Promise<void>;
  /**
   * From now on new connections go by this snapshot; those that are open stay where they are. A listener that is gone takes no new ones, and
   * what it has ends as in a drain; so does a backend or a server that is gone. Does nothing once stopped.
   */
  apply(snapshot: EngineSnapshot): void;
  /**
   * Takes no new connections. Resolves when the last one that is open has ended; the caller gives up by `stop` after `deadlineMs`, so what has
   * to be told to end is told in good time.
   */
  drain(deadlineMs: number): Promise<void>;
  /** Ends everything at once. Idempotent. */
  stop(): void | Promise<void>;
  /** Instead of `stop`: what serves goes on for the next process, which takes it over. Absent: `stop` does so. */
  letGo?(): void | Promise<void>;
  /** What it has counted since it started, and what it holds now. Of `ports` and `drift` only what no one else in the process counts. */
  counters(): TrafficMetrics;
}

/** The same objects in the same order: nothing has changed. */
export function isSame<T>(a: readonly T[], b: readonly T[]): boolean {
  return a.length === b.length && a.every((each, i) => each === b[i]);
}
