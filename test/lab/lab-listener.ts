import type { BackendName } from './oracle.ts';

/** The http engine's, which every laboratory has, and one of each other engine. */
export type ListenerName = 'web' | 'raw' | 'haproxy' | 'kernel';

/** Where clients of the laboratory knock. */
export interface LabListener {
  readonly name: ListenerName;
  readonly host: string;
  readonly port: number;
  /** What can be reached over it. */
  readonly backends: readonly BackendName[];
}

/** Workers listen on loopback addresses, which the kernel engine cannot reach, and are one engine's concern. */
const LISTENERS: Readonly<Record<ListenerName, LabListener>> = {
  web: { name: 'web', host: '127.0.0.1', port: 8000, backends: ['servers', 'workers'] },
  raw: { name: 'raw', host: '127.0.0.1', port: 8001, backends: ['servers'] },
  haproxy: { name: 'haproxy', host: '127.0.0.1', port: 8002, backends: ['servers'] },
  // Who asks on the same machine reaches the kernel engine by one of its other addresses only.
  kernel: { name: 'kernel', host: '10.3.0.1', port: 8003, backends: ['servers'] },
};

export const OTHER_ENGINES = ['raw', 'haproxy', 'kernel'] as const;
export type OtherEngine = (typeof OTHER_ENGINES)[number];

/** Planes accept their connections, and take them with them. */
export const isOfPlanes = (name: ListenerName): boolean => name === 'web' || name === 'raw';

export const listenerOf = (name: ListenerName): LabListener => LISTENERS[name];

/** Half of the clients are the http engine's, the other half is shared among the others. `number` counts them. */
export function listenerOfClient(engines: readonly OtherEngine[], number: number): LabListener {
  const isOther = engines.length > 0 && number % 2 === 1;
  return LISTENERS[isOther ? engines[(number >> 1) % engines.length]! : 'web'];
}
