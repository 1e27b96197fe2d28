import { fileURLToPath } from 'node:url';
import { listenerOf, type OtherEngine } from './lab-listener.ts';
import { BRIDGE, Surroundings } from './surroundings.ts';

const WORKER = fileURLToPath(new URL('./worker.js', import.meta.url));
const LOCAL_SOURCES = ['127.0.1.1', '127.0.1.2'] as const;

export interface LabConfigOptions {
  readonly planes: number;
  readonly workers: number;
  /** Those besides http that have a listener, too. */
  readonly engines: readonly OtherEngine[];
  /** Of Portico's admin API. */
  readonly adminPort: number;
  /** Of the servers, with their port. */
  readonly addresses: readonly string[];
  readonly logFile: string;
}

/** Sources whose connections are sockets of this host. */
export const SOCKET_SOURCES: readonly string[] = [
  ...Surroundings.SOURCES,
  Surroundings.HAPROXY_SOURCE,
  ...LOCAL_SOURCES,
];

const HEALTH = '{ path: /healthz, interval: 300ms, fast_interval: 100ms, timeout: 2s, rise: 1, fall: 2 }';
const RETRY = '{ on: [connect, closed, timeout], per_try_timeout: 3s }';
const TIMEOUTS = '{ connect: 2s, response: 10s }';

/** The config file of the laboratory's Portico; answers of its HTTP listeners say which generation of it they are of. */
export function labConfig(options: LabConfigOptions, generation: number): string {
  const { planes, workers, engines, adminPort, addresses, logFile } = options;
  const servers = `[${addresses.map((address) => `{ address: "${address}" }`).join(', ')}]`;
  const parts = engines.map((engine) => OTHERS[engine](servers, generation));
  const of = (part: keyof Part): string => parts.map((each) => each[part]).join('');
  return `planes: ${planes}
drain_timeout: 4s
heartbeat: 4s
outlive_primary: 10m
admin: { listen: "127.0.0.1:${adminPort}" }
sources:
  - { name: claimed, addresses: [${Surroundings.SOURCES.join(', ')}], claim: true, interface: ${BRIDGE}, ports: 20000-24095 }
  - { name: local, addresses: [${LOCAL_SOURCES.join(', ')}], ports: 20000-24095 }
${of('sources')}listeners:
  - name: web
    bind: "${bindOf('web')}"
    access_log: { file: ${logFile} }
    response_headers: { set: { X-Generation: "${generation}" } }
    routes: [{ path: /s/, backend: servers }, { path: /w/, backend: workers }]
${of('listeners')}backends:
  - name: servers
    source: claimed
    health: ${HEALTH}
    retry: ${RETRY}
    timeouts: ${TIMEOUTS}
    servers: ${servers}
  - name: workers
    source: local
    health: ${HEALTH}
    retry: ${RETRY}
    timeouts: ${TIMEOUTS}
    workers: { module: ${WORKER}, count: ${workers}, heartbeat: 4s }
${of('backends')}`;
}

interface Part {
  readonly sources: string;
  readonly listeners: string;
  readonly backends: string;
}

const bindOf = (name: 'web' | OtherEngine): string => `${listenerOf(name).host}:${listenerOf(name).port}`;

const OTHERS: Readonly<Record<OtherEngine, (servers: string, generation: number) => Part>> = {
  raw: (servers) => ({
    sources: '',
    listeners: `  - { name: raw, bind: "${bindOf('raw')}", engine: tcp, backend: raw }\n`,
    backends: `  - { name: raw, source: claimed, health: ${HEALTH}, timeouts: { connect: 2s }, servers: ${servers} }\n`,
  }),
  haproxy: (servers, generation) => ({
    sources: `  - { name: haproxy, addresses: [${Surroundings.HAPROXY_SOURCE}], claim: true, interface: ${BRIDGE}, ports: 20000-24095 }\n`,
    listeners: `  - name: haproxy
    bind: "${bindOf('haproxy')}"
    engine: haproxy
    response_headers: { set: { X-Generation: "${generation}" } }
    routes: [{ path: /s/, backend: haproxy }]
`,
    // With least-connections HAProxy may for a moment try a request again at the server that has just died (docs/haproxy-engine.md).
    backends: `  - name: haproxy
    source: haproxy
    balance: round-robin
    health: ${HEALTH}
    retry: { on: [connect, closed, timeout] }
    timeouts: ${TIMEOUTS}
    servers: ${servers}
`,
  }),
  kernel: (servers) => ({
    sources: `  - { name: kernel, addresses: [${Surroundings.KERNEL_SOURCES.join(', ')}], claim: true, interface: ${BRIDGE}, ports: 20000-24095 }\n`,
    listeners: `  - { name: kernel, bind: "${bindOf('kernel')}", engine: kernel, backend: kernel }\n`,
    backends: `  - { name: kernel, source: kernel, health: ${HEALTH}, servers: ${servers} }\n`,
  }),
};
