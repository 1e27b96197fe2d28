import type { ChildProcess } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Balancer } from '../scale/balancer.ts';
import type { Namespace } from '../scale/namespace.ts';
import { splitSources } from '../split-sources.ts';

export interface Field {
  readonly namespace: Namespace;
  readonly directory: string;
  /** Where clients connect to. */
  readonly front: { readonly host: string; readonly port: number };
  readonly server: { readonly host: string; readonly port: number };
  readonly sources: readonly string[];
  readonly ports: { readonly low: number; readonly high: number };
}

export interface Contender {
  readonly name: string;
  /** Resolves when it serves. */
  start(field: Field): Promise<Running>;
}

export interface Running {
  /** The processes that forward; none where the kernel does. */
  readonly pids: readonly number[];
  readonly stop: () => Promise<void>;
}

const portico = (strategy: 'most-free' | 'round-robin'): Contender => ({
  name: `Portico, ${strategy}`,
  start: async ({ namespace, directory, front, server, sources, ports }) => {
    const { process, planePids } = await Balancer.start(namespace, {
      directory,
      bind: `${front.host}:${front.port}`,
      destination: `${server.host}:${server.port}`,
      pool: `addresses: [${sources.join(', ')}], ports: ${ports.low}-${ports.high}, strategy: ${strategy}`,
      planes: 2,
    });
    return { pids: planePids, stop: () => ended(process) };
  },
});

const porticoKernel: Contender = {
  name: 'Portico, engine kernel',
  start: async ({ namespace, directory, front, server, sources, ports }) => {
    namespace.set({ 'net.ipv4.ip_forward': 1 });
    const { process } = await Balancer.startWith(
      namespace,
      directory,
      `planes: 1
sources: [{ name: default, addresses: [${sources.join(', ')}], ports: ${ports.low}-${ports.high} }]
listeners: [{ name: raw, bind: "${front.host}:${front.port}", engine: kernel, backend: app }]
backends: [{ name: app, servers: [{ address: "${server.host}:${server.port}" }] }]
`,
    );
    const stop = async (): Promise<void> => {
      await ended(process);
      namespace.run('nft', 'delete', 'table', 'inet', 'portico');
      namespace.run('conntrack', '-F');
    };
    return { pids: [], stop };
  },
};

/** One server line for each source, as one writes it by hand today. */
const haproxy: Contender = {
  name: 'HAProxy, a `server` line with `source IP:low-high` for each source',
  start: async ({ namespace, directory, front, server, sources, ports }) => {
    const file = join(directory, 'haproxy.cfg');
    writeFileSync(
      file,
      `global
  maxconn 9000
defaults
  mode http
  retries 3
  option redispatch
  timeout connect 5s
  timeout client 1h
  timeout server 1h
  timeout tunnel 1h
frontend web
  bind ${front.host}:${front.port}
  default_backend app
backend app
  balance leastconn
${sources.map((source, i) => `  server s${i} ${server.host}:${server.port} check inter 2s source ${source}:${ports.low}-${ports.high}`).join('\n')}
`,
    );
    const child = namespace.spawn('haproxy', '-db', '-q', '-f', file);
    await settled(child);
    return { pids: [child.pid!], stop: () => ended(child) };
  },
};

/** nginx takes no range of ports: the kernel chooses out of its own, which is set to the same one for it. */
const nginx: Contender = {
  name: 'nginx, `proxy_bind` by `split_clients`',
  start: async ({ namespace, directory, front, server, sources, ports }) => {
    const file = join(directory, 'nginx.conf');
    writeFileSync(
      file,
      `daemon off;
master_process off;
pid ${directory}/nginx.pid;
error_log ${directory}/nginx.log;
worker_rlimit_nofile 20000;
events { worker_connections 19900; }
http {
  access_log off;
  split_clients "$remote_addr$remote_port" $from {
${splitSources(sources)}
  }
  server {
    listen ${front.host}:${front.port} backlog=4096;
    location / {
      proxy_pass http://${server.host}:${server.port};
      proxy_bind $from;
      proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection upgrade;
      proxy_read_timeout 1h;
    }
  }
}
`,
    );
    namespace.set({ 'net.ipv4.ip_local_port_range': `${ports.low} ${ports.high}` });
    const child = namespace.spawn('nginx', '-c', file, '-p', directory);
    await settled(child);
    const stop = async (): Promise<void> => {
      await ended(child);
      namespace.set({ 'net.ipv4.ip_local_port_range': '32768 60999' });
    };
    return { pids: [child.pid!], stop };
  },
};

/** The kernel by itself, the sources in turn. */
const nftables: Contender = {
  name: 'nftables, SNAT to each source in turn',
  start: async ({ namespace, directory, front, server, sources, ports }) => {
    const file = join(directory, 'bench.nft');
    const map = sources.map((_, i) => `${i} : goto to${i}`).join(', ');
    writeFileSync(
      file,
      `table ip bench {
${sources.map((source, i) => `  chain to${i} {\n    tcp dport ${server.port} snat to ${source}:${ports.low}-${ports.high}\n  }`).join('\n')}
  chain before {
    type nat hook prerouting priority dstnat
    ip daddr ${front.host} tcp dport ${front.port} dnat to ${server.host}:${server.port}
  }
  chain after {
    type nat hook postrouting priority srcnat
    ip daddr ${server.host} tcp dport ${server.port} ct status dnat numgen inc mod ${sources.length} vmap { ${map} }
  }
}
`,
    );
    namespace.set({ 'net.ipv4.ip_forward': 1 });
    namespace.run('nft', '-f', file);
    const stop = async (): Promise<void> => {
      namespace.run('nft', 'delete', 'table', 'ip', 'bench');
      namespace.run('conntrack', '-F');
    };
    return { pids: [], stop };
  },
};

export const contenders: readonly Contender[] = [
  portico('most-free'),
  portico('round-robin'),
  porticoKernel,
  haproxy,
  nginx,
  nftables,
];

/** There is nothing to ask: what is not up by then fails the first connection, and is seen. */
async function settled(child: ChildProcess): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 1000));
  if (child.exitCode !== null) throw new Error(`${child.spawnargs.join(' ')} ended with ${child.exitCode}`);
}

async function ended(child: ChildProcess): Promise<void> {
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 5000);
  await gone;
  clearTimeout(timer);
}
