import type { ChildProcess } from 'node:child_process';
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { launch } from '../launch.ts';
import type { SubjectOptions } from '../subject.ts';
import { MAIN } from '../subjects/portico.ts';

/** A balancer that is told to reload again and again. */
export interface Contender {
  readonly port: number;
  readonly pid: number;
  /** Writes the config with this number in it, and tells the balancer. Answers bear the number in `X-Generation` once it is in force. */
  reload(generation: number): void;
  stop(): Promise<void>;
}

type Options = SubjectOptions & { readonly directory: string };

/** As each is to be set up so that neither a reload nor the restart of a server fails a request. */
export const CONTENDERS = {
  portico: (options: Options): Promise<Contender> =>
    start(options, {
      text: porticoConfig,
      command: process.execPath,
      args: (file) => [MAIN, 'run', '-c', file],
      signal: 'SIGHUP',
    }),
  haproxy: (options: Options): Promise<Contender> =>
    start(options, {
      text: haproxyConfig,
      command: 'haproxy',
      args: (file) => ['-W', '-db', '-f', file],
      signal: 'SIGUSR2',
    }),
  nginx: (options: Options): Promise<Contender> =>
    start(options, {
      text: nginxConfig,
      command: 'nginx',
      args: (file) => ['-c', file, '-p', options.directory],
      signal: 'SIGHUP',
    }),
} as const;

interface Kind {
  readonly text: (options: Options, generation: number) => string;
  readonly command: string;
  readonly args: (file: string) => readonly string[];
  readonly signal: NodeJS.Signals;
}

async function start(options: Options, { text, command, args, signal }: Kind): Promise<Contender> {
  const { directory, role, port, children } = options;
  const file = join(directory, `reloaded-${role}.conf`);
  const write = (generation: number): void => {
    writeFileSync(`${file}.new`, text(options, generation));
    renameSync(`${file}.new`, file);
  };
  write(0);
  const child: ChildProcess = await launch(command, args(file), options);
  return {
    port,
    pid: child.pid!,
    reload: (generation) => {
      write(generation);
      child.kill(signal);
    },
    stop: () => children.end(child),
  };
}

function porticoConfig({ port, servers }: Options, generation: number): string {
  return `planes: 2
drain_timeout: 1s
admin: { listen: "127.0.0.1:${port + 1}" }
listeners:
  - name: web
    bind: "127.0.0.1:${port}"
    response_headers: { set: { X-Generation: "${generation}" } }
    backend: app
backends:
  - name: app
    health: { path: /, interval: 200ms, fast_interval: 50ms, rise: 1 }
    retries: 3
    servers: [${servers.map((server) => `{ address: "127.0.0.1:${server}" }`).join(', ')}]
`;
}

function haproxyConfig({ port, servers, directory }: Options, generation: number): string {
  return `global
  nbthread 2
  maxconn 4000
  stats socket ${directory}/haproxy-reload.sock level admin expose-fd listeners
defaults
  mode http
  timeout connect 2s
  timeout client 60s
  timeout server 60s
  timeout tunnel 1h
  retries 3
  option redispatch 1
  retry-on all-retryable-errors
frontend web
  bind 127.0.0.1:${port}
  http-response set-header X-Generation ${generation}
  default_backend app
backend app
  balance leastconn
  option httpchk
  http-check send meth GET uri / ver HTTP/1.1 hdr Host bench
  default-server check inter 200ms fastinter 50ms rise 1 fall 2
${servers.map((server, i) => `  server s${i} 127.0.0.1:${server}`).join('\n')}
`;
}

// No `max_fails`: servers are back before `fail_timeout` would be over, and with all three taken for dead within it nginx answers everything
// with 502. A server that refuses is passed over at once.
function nginxConfig({ port, servers, directory }: Options, generation: number): string {
  return `daemon off;
worker_processes 2;
worker_rlimit_nofile 8000;
pid ${directory}/nginx-reload.pid;
error_log ${directory}/nginx-reload.log;
events { worker_connections 4000; }
http {
  access_log off;
  client_body_temp_path ${directory}/reload-body;
  proxy_temp_path ${directory}/reload-proxy;
  keepalive_requests 100000000;
  map $http_upgrade $connection_upgrade { default upgrade; '' ''; }
  upstream app {
    least_conn;
${servers.map((server) => `    server 127.0.0.1:${server} max_fails=0;`).join('\n')}
    keepalive 64;
  }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    add_header X-Generation ${generation};
    location / {
      proxy_pass http://app;
      proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_upgrade;
      proxy_next_upstream error timeout;
      proxy_connect_timeout 2s;
      proxy_read_timeout 1h;
    }
  }
}
`;
}
