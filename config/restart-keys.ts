import { isDeepStrictEqual } from 'node:util';
import type { AdminConfig, Config, SourcePoolConfig } from './config.ts';

/** Of a source pool: ports are owned, and addresses claimed, by what these said when the pool came to be. */
const POOL_KEYS = ['claim', 'interface', 'ports', 'reservedPorts', 'strategy'] as const;

export interface EffectiveConfig {
  /** `after`, but for what cannot change while Portico runs: that is as in `before`. */
  readonly config: Config;
  /** The keys of which that is so. */
  readonly needsRestart: readonly string[];
}

/** What of `after` can come into force where `before` runs. */
export function effectiveConfig(before: Config, after: Config): EffectiveConfig {
  const needsRestart: string[] = [];
  const sources = after.sources.map((pool) => {
    const running = before.sources.find(({ name }) => name === pool.name);
    return running === undefined ? pool : keepPool(running, pool, needsRestart);
  });
  const { admin } = before;
  for (const key of Object.keys({ ...admin, ...after.admin }) as (keyof AdminConfig)[]) {
    if (!isDeepStrictEqual(admin[key], after.admin[key])) needsRestart.push(`admin.${asWritten(key)}`);
  }
  const { heartbeatMs, outlivePrimaryMs } = before;
  if (after.heartbeatMs !== heartbeatMs) needsRestart.push('heartbeat');
  if (after.outlivePrimaryMs !== outlivePrimaryMs) needsRestart.push('outlive_primary');
  return { config: { ...after, sources, admin, heartbeatMs, outlivePrimaryMs }, needsRestart };
}

function keepPool(running: SourcePoolConfig, pool: SourcePoolConfig, needsRestart: string[]): SourcePoolConfig {
  const kept = POOL_KEYS.filter((key) => !isDeepStrictEqual(running[key], pool[key]));
  for (const key of kept) needsRestart.push(`sources.${pool.name}.${asWritten(key)}`);
  return { ...pool, ...Object.fromEntries(kept.map((key) => [key, running[key]])) };
}

/** Keys of the file have underscores. */
function asWritten(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
