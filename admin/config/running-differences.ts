import { parse } from 'yaml';
import { type Difference, differences } from '../../config/differences.ts';
import { poolAddresses } from '../../config/pool-addresses.ts';
import { DEFAULT_POOL } from '../../config/resolve.ts';
import { parseServerAddress } from '../../config/server-address.ts';
import { serverId } from '../../config/server-id.ts';
import type { BackendState } from '../../lb/control/messages.ts';
import type { SourceStatus } from '../../lb/source/source-status.ts';

type Mapping = Readonly<Record<string, unknown>>;

/** What of a running Portico may be other than the text that it was started with. */
export interface RunningState {
  readonly backends: readonly BackendState[];
  readonly sources: readonly SourceStatus[];
}

/** Where what runs is not what the file says; undefined where the file cannot be read as YAML. */
export function runningDifferences(
  fileText: string,
  runningText: string,
  state: RunningState,
): readonly Difference[] | undefined {
  const file = mappingOf(fileText);
  const running = mappingOf(runningText);
  if (file === undefined || running === undefined) return undefined;
  return differences(normal(file), withState(normal(running), state));
}

/** What differs between two texts; undefined where one cannot be read as YAML. */
export function textDifferences(before: string, after: string): readonly Difference[] | undefined {
  const from = mappingOf(before);
  const to = mappingOf(after);
  return from === undefined || to === undefined ? undefined : differences(from, to);
}

function mappingOf(text: string): Mapping | undefined {
  try {
    const value: unknown = parse(text, { maxAliasCount: 100 });
    return isMapping(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Servers by their id with what goes without saying, addresses of pools one by one: so that spelling is no difference. */
function normal(file: Mapping): Mapping {
  return {
    ...file,
    sources: mappings(file.sources ?? [DEFAULT_POOL]).map((pool) => ({
      ...pool,
      addresses: byItself(poolAddresses(strings(pool.addresses), () => {})),
    })),
    backends: mappings(file.backends).map((backend) =>
      backend.servers === undefined
        ? backend
        : {
            ...backend,
            servers: Object.fromEntries(
              mappings(backend.servers).map(({ address, ...server }) => [
                serverId(address) ?? String(address),
                { weight: 1, backup: false, state: 'ready', ...server },
              ]),
            ),
          },
    ),
  };
}

function withState(file: Mapping, { backends, sources }: RunningState): Mapping {
  return {
    ...file,
    sources: mappings(file.sources).map((pool) => ({
      ...pool,
      addresses: byItself(
        sources
          .filter((source) => source.pool === pool.name && source.state.kind !== 'draining')
          .map(({ address }) => address),
      ),
    })),
    backends: mappings(file.backends).map((backend) => {
      const { servers } = backend;
      const state = backends.find(({ name }) => name === backend.name);
      if (!isMapping(servers) || state === undefined) return backend;
      return {
        ...backend,
        // What a name stands for is nowhere in the file.
        servers: Object.fromEntries([
          ...Object.entries(servers).filter(([id]) => parseServerAddress(id)?.kind === 'name'),
          ...state.servers
            .filter(({ name }) => name === undefined)
            .map(({ id, weight, backup, admin }) => [
              id,
              { ...(isMapping(servers[id]) ? servers[id] : {}), weight, backup, state: admin },
            ]),
        ]),
      };
    }),
  };
}

function byItself(names: readonly string[]): Mapping {
  return Object.fromEntries(names.map((name) => [name, name]));
}

function isMapping(value: unknown): value is Mapping {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function mappings(value: unknown): readonly Mapping[] {
  return Array.isArray(value) ? value.filter(isMapping) : [];
}

function strings(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((each) => typeof each === 'string') : [];
}
