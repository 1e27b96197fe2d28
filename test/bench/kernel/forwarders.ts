import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Children } from '../children.ts';
import { until } from '../launch.ts';
import { Balancer } from '../scale/balancer.ts';
import { BACK, BACK_DEVICE, FRONT, type KernelField, SERVER_PORT } from './kernel-field.ts';

const PORTICO_PORT = 81;
const HAPROXY_PORT = 82;

/** Something between clients and servers. */
export interface Forwarder {
  readonly name: string;
  /** Where clients connect to. */
  readonly target: { readonly host: string; readonly port: number };
  /** Portico's processes. */
  readonly pids: readonly number[];
  /** Connections that it counts as open at this moment. */
  readonly used: () => Promise<number>;
  readonly stop: () => Promise<void>;
}

const nothing = async (): Promise<void> => {};
const none = async (): Promise<number> => 0;

/** The kernel's routes, to the first server. */
export const routed = (field: KernelField): Forwarder => ({
  name: 'routed',
  target: { host: field.servers[0]!, port: SERVER_PORT },
  pids: [],
  used: none,
  stop: nothing,
});

/** The same, with every connection tracked. */
export function tracked(field: KernelField, directory: string): Forwarder {
  const file = join(directory, 'tracked.nft');
  writeFileSync(
    file,
    'table inet tracked {\n chain forward {\n  type filter hook forward priority 0\n  ct state invalid counter\n }\n}\n',
  );
  field.middle.run('nft', '-f', file);
  return {
    ...routed(field),
    name: 'routed, connections tracked',
    stop: async () => {
      field.middle.run('nft', 'delete', 'table', 'inet', 'tracked');
      field.forgetConnections();
    },
  };
}

export async function porticoKernel(field: KernelField, directory: string, children: Children): Promise<Forwarder> {
  const balancer = await Balancer.startWith(
    field.middle,
    directory,
    `planes: 1
sources: [{ name: default, addresses: [10.2.1.1-10.2.1.6], claim: true, interface: ${BACK_DEVICE}, ports: 1024-65535 }]
listeners: [{ name: raw, bind: "${FRONT}:${PORTICO_PORT}", engine: kernel, backend: app }]
backends:
  - name: app
    balance: round-robin
    servers: [${field.servers.map((address) => `{ address: "${address}:${SERVER_PORT}" }`).join(', ')}]
`,
  );
  return {
    name: 'Portico, engine kernel',
    target: { host: FRONT, port: PORTICO_PORT },
    pids: [balancer.process.pid!, ...balancer.planePids],
    used: async () => (await balancer.used()).reduce((sum, { used }) => sum + used, 0),
    stop: async () => {
      await children.end(balancer.process);
      field.middle.run('nft', 'delete', 'table', 'inet', 'portico');
      field.forgetConnections();
    },
  };
}

export async function haproxyTcp(field: KernelField, directory: string, children: Children): Promise<Forwarder> {
  const file = join(directory, 'haproxy-kernel.cfg');
  writeFileSync(
    file,
    `global
  nbthread 1
  maxconn 9800
defaults
  mode tcp
  timeout connect 5s
  timeout client 1h
  timeout server 1h
frontend raw
  bind ${FRONT}:${HAPROXY_PORT} backlog 4096
  default_backend app
backend app
  server s0 ${field.servers[0]}:${SERVER_PORT} source ${BACK}
`,
  );
  const child = field.middle.spawn('haproxy', '-db', '-q', '-f', file);
  await until('HAProxy to listen', async () => {
    if (child.exitCode !== null) throw new Error(`haproxy ended with ${child.exitCode}`);
    return field.middle.run('ss', '-Hltn', 'sport', '=', `:${HAPROXY_PORT}`) !== '';
  });
  return {
    name: 'HAProxy, mode tcp',
    target: { host: FRONT, port: HAPROXY_PORT },
    pids: [],
    used: none,
    stop: () => children.end(child),
  };
}
