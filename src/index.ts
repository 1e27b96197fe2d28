export { AdminError } from '../admin/admin-error.ts';
export type { Config } from '../config/config.ts';
export { type Fault, formatFault } from '../config/fault.ts';
export { type LoadResult, loadConfig } from '../config/load.ts';
export type { PorticoEvent } from './event-log.ts';
export { ConfigError, loadConfigFile } from './load-config-file.ts';
export { StartError } from './start-error.ts';
export { type Portico, type StartOptions, startPortico } from './start-portico.ts';
