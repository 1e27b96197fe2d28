import type { Config } from '../../config/config.ts';

/**
 * The config of one plane of several, `index` from 0: limits that hold for all planes together are its part of them. Planes do not ask each
 * other before they send a request, so a part is fixed.
 */
export function planeShare(config: Config, index: number): Config {
  const { planes } = config;
  const partOf = (total: number): number => Math.floor(total / planes) + (index < total % planes ? 1 : 0);
  return {
    ...config,
    backends: config.backends.map((backend) =>
      backend.requestsPerServer === 0
        ? backend
        : { ...backend, requestsPerServer: Math.max(1, partOf(backend.requestsPerServer)) },
    ),
  };
}
