import type { BackendConfig, ForwardingConfig, ListenerConfig } from '../../config/config.ts';
import { AccessLog } from '../access-log/access-log.ts';
import type { LogFiles } from '../access-log/log-files.ts';
import type { RequestCounters } from '../metrics/request-counters.ts';
import type { Backend } from './backend.ts';
import { Forwarding } from './forwarding.ts';
import { RequestView } from './request-view.ts';
import { RouteTargets } from './route-targets.ts';

const PLAIN: ForwardingConfig = { trusted: [], style: 'x-forwarded', via: false };

export interface ListenerSettingsDeps {
  readonly backends: ReadonlyMap<string, Backend>;
  readonly backendConfigs: ReadonlyMap<string, BackendConfig>;
  readonly logs: LogFiles;
  readonly random: () => number;
}

/** What a listener makes of its config; replaced as a whole when that changes. */
export class ListenerSettings {
  readonly config: ListenerConfig;
  /** Stands for `Host` where an HTTP/1.0 client sent none. */
  readonly fallbackHost: string;
  readonly forwarding: Forwarding;
  readonly targets: RouteTargets;
  readonly log: AccessLog | undefined;
  /** Of the head parsed last. */
  readonly view: RequestView;

  /** `counters`: those of the listener, by backend; one that is missing is added. */
  constructor(
    deps: ListenerSettingsDeps,
    config: ListenerConfig,
    scheme: 'http' | 'https',
    counters: Map<string, RequestCounters>,
  ) {
    const { random, logs } = deps;
    const { name, host, port, accessLog } = config;
    this.config = config;
    this.fallbackHost = `${host.includes(':') ? `[${host}]` : host}:${port}`;
    this.log = accessLog === undefined ? undefined : new AccessLog({ files: logs, random }, name, accessLog);
    this.forwarding = new Forwarding(config.forwarding ?? PLAIN, config.tls?.clientAuth?.header);
    this.targets = new RouteTargets({ ...deps, forwarding: this.forwarding }, config, counters);
    const { forwarding, fallbackHost } = this;
    this.view = new RequestView({ forwarding, random }, { listener: name, scheme, fallbackHost });
  }
}
