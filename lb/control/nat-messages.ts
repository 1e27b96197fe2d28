import type { Config } from '../../config/config.ts';
import type { EngineSnapshot } from '../engine/engine.ts';
import type { TrafficMetrics } from '../metrics/plane-metrics.ts';
import type { HostCommand, HostEvent } from './host-messages.ts';
import type { PlaneCommand, PlaneEvent, PortBlock, SourceUpdate } from './messages.ts';

/** From the primary to the process of the kernel engine. It owns ports as a plane does; the words for them are the same. */
export type NatCommand =
  | {
      readonly type: 'start';
      readonly sources: Config['sources'];
      readonly updates: readonly SourceUpdate[];
      readonly snapshot: EngineSnapshot;
      /** What it owned before it died; nothing at the first start. */
      readonly blocks: readonly PortBlock[];
    }
  | { readonly type: 'apply'; readonly snapshot: EngineSnapshot }
  | Extract<PlaneCommand, { readonly type: 'grant' | 'sources' | 'avoid' | 'wanted' | 'port-use' }>
  | Extract<HostCommand, { readonly type: 'ping' }>
  /** Leave the rules as they are best for a while alone, and exit 0. */
  | { readonly type: 'part' };

/** From that process to the primary. */
export type NatEvent =
  /** The process is up and waits for `start`. */
  | Extract<HostEvent, { readonly type: 'hello' | 'pong' }>
  | Extract<PlaneEvent, { readonly type: 'ready' | 'failed' | 'low' | 'return' | 'port-use' }>
  /** Ports that connections of an earlier run are on; answered by a `grant` of those that are to be had. */
  | { readonly type: 'adopt'; readonly blocks: readonly PortBlock[] }
  /** Now and then, unasked. */
  | { readonly type: 'report'; readonly metrics: TrafficMetrics }
  /** For the operator. */
  | { readonly type: 'notice'; readonly message: string };
