import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '../launch.ts';
import { splitSources } from '../split-sources.ts';
import { Balancer } from './balancer.ts';
import type { Namespace } from './namespace.ts';

export const HOLDERS = ['portico', 'haproxy', 'nginx'] as const;
export type HolderName = (typeof HOLDERS)[number];

export interface HolderField {
  readonly namespace: Namespace;
  readonly directory: string;
  readonly front: string;
  readonly server: string;
  readonly sources: readonly string[];
  /** Where the sources belong. */
  readonly interface: string;
  readonly connections: number;
  readonly planes: number;
}

/** A balancer that holds connections in the middle. */
export interface Holder {
  /** The processes that forward. */
  readonly pids: readonly number[];
  /** What counts its ports itself. */
  readonly balancer?: Balancer;
}

/**
 * Connections of a process where 20,000 descriptors are the most that one gets, two for each: the kernel spreads them over the processes by chance,
 * so that the fullest has some more than its share.
 */
const PER_PROCESS = 8500;

/** Resolves when it serves. All of them have the same sources towards the one destination. */
export function startHolder(name: HolderName, field: HolderField): Promise<Holder> {
  switch (name) {
    case 'portico':
      return startPortico(field);
    case 'haproxy':
      return startHaproxy(field);
    case 'nginx':
      return startNginx(field);
    default:
      return name satisfies never;
  }
}

async function startPortico(field: HolderField): Promise<Holder> {
  const { namespace, directory, front, server, sources, planes } = field;
  const balancer = await Balancer.start(namespace, {
    directory,
    bind: front,
    destination: server,
    pool: `claim: true, interface: ${field.interface}, addresses: [${sources.join(', ')}], ports: 1024-65535`,
    planes,
  });
  return { pids: balancer.planePids, balancer };
}

/** The others find addresses and a range of ports ready. */
function prepare({ namespace, sources, interface: device, connections }: HolderField): number {
  for (const source of sources) namespace.run('ip', 'addr', 'add', `${source}/16`, 'dev', device, 'nodad');
  namespace.set({ 'net.ipv4.ip_local_port_range': '1024 65535' });
  return Math.ceil(connections / PER_PROCESS);
}

/** One thread each: a process with more of them has no more descriptors. */
async function startHaproxy(field: HolderField): Promise<Holder> {
  const { namespace, directory, front, server, sources } = field;
  const file = join(directory, 'haproxy.cfg');
  const count = prepare(field);
  writeFileSync(
    file,
    `global
  nbthread 1
  maxconn 9800
defaults
  mode http
  backlog 65535
  timeout connect 60s
  timeout client 1h
  timeout server 1h
  timeout tunnel 1h
frontend web
  bind ${front}
  default_backend app
backend app
  balance leastconn
${sources.map((source, i) => `  server s${i} ${server} source ${source}`).join('\n')}
`,
  );
  const pids = Array.from({ length: count }, () => namespace.spawn('haproxy', '-db', '-q', '-f', file).pid!);
  await listens(namespace, front, count);
  return { pids };
}

async function startNginx(field: HolderField): Promise<Holder> {
  const { namespace, directory, front, server, sources } = field;
  const file = join(directory, 'nginx.conf');
  const count = prepare(field);
  writeFileSync(
    file,
    `daemon off;
user root;
worker_processes ${count};
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
    listen ${front} backlog=65535 reuseport;
    location / {
      proxy_pass http://${server};
      proxy_bind $from;
      proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection upgrade;
      proxy_connect_timeout 60s;
      proxy_read_timeout 1h;
      proxy_send_timeout 1h;
    }
  }
}
`,
  );
  const { pid } = namespace.spawn('nginx', '-c', file, '-p', directory);
  await listens(namespace, front, count);
  const pids = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim().split(' ').map(Number);
  return { pids };
}

/** Until so many sockets listen there. */
async function listens(namespace: Namespace, front: string, count: number): Promise<void> {
  await until(`${count} processes to listen on ${front}`, async () => {
    const lines = namespace.run('ss', '-Htln', 'src', front).split('\n');
    return lines.filter((line) => line !== '').length >= count;
  });
}
