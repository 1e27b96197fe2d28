import type { Config } from '../config/config.ts';
import { backendsOf } from '../config/route-config.ts';
import type { ProbeResult } from '../lb/health/probe.ts';

/**
 * The checks of the backends that only HAProxy forwards to are HAProxy's, and asked for here: servers are not checked twice, and Portico never
 * says other of them than what traffic goes by. Undefined for backends that Portico has to check.
 */
export function checkedByHaproxy(
  { listeners }: Config,
  ask: (backend: string, server: string) => ProbeResult | undefined,
): (backend: string, server: string) => ProbeResult | undefined {
  const ledBy = (isHaproxy: boolean): Set<string> =>
    new Set(
      listeners
        .filter(({ engine }) => (engine === 'haproxy') === isHaproxy)
        .flatMap(({ routes }) =>
          routes.flatMap((route) => [
            ...backendsOf(route),
            ...(route.mirror === undefined ? [] : [route.mirror.backend]),
          ]),
        ),
    );
  const others = ledBy(false);
  const own = new Set([...ledBy(true)].filter((name) => !others.has(name)));
  return (backend, server) =>
    own.has(backend)
      ? (ask(backend, server) ?? { outcome: 'inconclusive', reason: 'HAProxy does not run' })
      : undefined;
}
