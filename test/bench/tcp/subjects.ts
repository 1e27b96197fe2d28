import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { launch } from '../launch.ts';
import type { Subject, SubjectOptions } from '../subject.ts';
import { startPorticoWith } from '../subjects/portico.ts';

/** A balancer that relays TCP to one server. */
export function startTcpSubject(options: SubjectOptions): Promise<Subject> {
  switch (options.role) {
    case 'portico':
    case 'portico-plain':
      return startPortico(options);
    case 'haproxy':
      return startHaproxy(options);
    case 'nginx':
      return startNginx(options);
    default:
      return options.role satisfies never;
  }
}

function startPortico(options: SubjectOptions): Promise<Subject> {
  return startPorticoWith(
    options,
    `sources: [{ name: default, addresses: [127.0.1.1-127.0.1.4] }]
listeners: [{ name: raw, bind: "127.0.0.1:${options.port}", engine: tcp, backend: app }]
backends: [{ name: app, servers: [{ address: "127.0.0.1:${options.servers[0]}" }] }]
`,
  );
}

async function startHaproxy(options: SubjectOptions): Promise<Subject> {
  const { role, port, servers, directory, children } = options;
  const file = join(directory, `haproxy-tcp-${port}.cfg`);
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
  bind 127.0.0.1:${port} backlog 4096
  default_backend app
backend app
  server s0 127.0.0.1:${servers[0]} source 127.0.2.1
`,
  );
  const child = await launch('haproxy', ['-db', '-f', file], options);
  return { role, port, pid: child.pid!, stop: () => children.end(child) };
}

async function startNginx(options: SubjectOptions): Promise<Subject> {
  const { role, port, servers, directory, children } = options;
  const file = join(directory, `nginx-tcp-${port}.conf`);
  writeFileSync(
    file,
    `load_module /usr/lib/nginx/modules/ngx_stream_module.so;
daemon off;
master_process off;
worker_processes 1;
worker_rlimit_nofile 20000;
pid ${directory}/nginx-tcp-${port}.pid;
error_log ${directory}/nginx-tcp-${port}.log;
events { worker_connections 19900; }
stream {
  server {
    listen 127.0.0.1:${port} backlog=4096;
    proxy_pass 127.0.0.1:${servers[0]};
    proxy_bind 127.0.3.1;
    proxy_timeout 1h;
  }
}
`,
  );
  const child = await launch('nginx', ['-c', file, '-p', directory], options);
  return { role, port, pid: child.pid!, stop: () => children.end(child) };
}
