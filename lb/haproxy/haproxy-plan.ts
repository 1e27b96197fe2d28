import type { BackendConfig, ListenerConfig, SourcePoolConfig } from '../../config/config.ts';
import type { ResolverConfig } from '../../config/resolver-config.ts';
import type { ServerState } from '../control/messages.ts';
import type { TlsPlaces } from './tls-files.ts';

/** Source ports in a row that HAProxy owns, both ends in it. */
export interface SourceRun {
  readonly pool: string;
  readonly address: string;
  readonly first: number;
  readonly last: number;
}

export type HaproxyMode = 'http' | 'tcp';

/** All that a configuration of HAProxy is made of. */
export interface HaproxyPlan {
  readonly listeners: readonly ListenerConfig[];
  readonly backends: readonly BackendConfig[];
  /** The servers of each backend, as of now. */
  readonly servers: ReadonlyMap<string, readonly HaproxyServer[]>;
  readonly pools: readonly SourcePoolConfig[];
  /** What may be connected from now. */
  readonly runs: readonly SourceRun[];
  readonly threads: number;
  /** How HAProxy looks names up itself. Absent: all servers have addresses. */
  readonly resolver?: ResolverConfig;
  /** Where certificates and keys are. */
  readonly tls: TlsPlaces;
}

export type HaproxyServer = Pick<ServerState, 'id' | 'host' | 'port' | 'name' | 'weight' | 'backup' | 'admin'>;

/** A backend as HAProxy has it: once for each mode in which listeners lead to it. */
export interface HaproxyBackend {
  readonly name: string;
  readonly mode: HaproxyMode;
  readonly backend: BackendConfig;
  readonly listeners: readonly ListenerConfig[];
}

export const frontendName = (listener: string): string => `fe_${listener}`;
export const checkProxyName = (backend: string): string => `ck_${backend}`;
export const proxyName = (backend: string, mode: HaproxyMode): string => `be_${backend}_${mode}`;

export const modeOf = ({ mode }: ListenerConfig): HaproxyMode => mode ?? 'tcp';

/** The backends that the listeners lead to, in the order of the config. */
export function proxiesOf({ listeners, backends }: Pick<HaproxyPlan, 'listeners' | 'backends'>): HaproxyBackend[] {
  return backends.flatMap((backend) =>
    (['http', 'tcp'] as const).flatMap((mode) => {
      const leading = listeners.filter(
        (listener) =>
          modeOf(listener) === mode &&
          listener.routes.some(
            (route) =>
              route.backend === backend.name || route.split?.some((part) => part.backend === backend.name) === true,
          ),
      );
      if (leading.length === 0) return [];
      return [{ name: proxyName(backend.name, mode), mode, backend, listeners: leading }];
    }),
  );
}
