import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { launch } from '../launch.ts';
import type { Subject, SubjectOptions } from '../subject.ts';
import { startPorticoWith } from '../subjects/portico.ts';

/** One way to run a balancer before a server that may get more than it can do. */
export interface OverloadSubject {
  readonly name: string;
  start(options: SubjectOptions): Promise<Subject>;
}

const portico = (name: string, keys: string): OverloadSubject => ({
  name,
  start: (options) =>
    startPorticoWith(
      options,
      `sources: [{ name: default, addresses: [127.0.1.1-127.0.1.4] }]
listeners: [{ name: web, bind: "127.0.0.1:${options.port}", backend: app }]
backends: [{ name: app, servers: [{ address: "127.0.0.1:${options.servers[0]}" }], ${keys} }]
`,
    ),
});

const haproxy = (name: string, serverKeys: string, timeouts: string): OverloadSubject => ({
  name,
  start: async (options) => {
    const { role, port, servers, directory, children } = options;
    const file = join(directory, `haproxy-overload-${port}.cfg`);
    writeFileSync(
      file,
      `global
  nbthread 1
  maxconn 9800
defaults
  mode http
  http-reuse always
  timeout connect 5s
  timeout client 60s
  timeout server 60s
${timeouts}frontend web
  bind 127.0.0.1:${port} backlog 4096
  default_backend app
backend app
  server s0 127.0.0.1:${servers[0]} source 127.0.2.1 ${serverKeys}
`,
    );
    const child = await launch('haproxy', ['-db', '-f', file], options);
    return { role, port, pid: child.pid!, stop: () => children.end(child) };
  },
});

const nginx: OverloadSubject = {
  name: 'nginx',
  start: async (options) => {
    const { role, port, servers, directory, children } = options;
    const file = join(directory, `nginx-overload-${port}.conf`);
    writeFileSync(
      file,
      `daemon off;
master_process off;
worker_processes 1;
worker_rlimit_nofile 20000;
pid ${directory}/nginx-overload-${port}.pid;
error_log ${directory}/nginx-overload-${port}.log;
events { worker_connections 19900; }
http {
  access_log off;
  keepalive_requests 100000000;
  upstream app {
    server 127.0.0.1:${servers[0]};
    keepalive 64;
  }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location / {
      proxy_pass http://app;
      proxy_http_version 1.1;
      proxy_set_header Connection '';
    }
  }
}
`,
    );
    const child = await launch('nginx', ['-c', file, '-p', directory], options);
    return { role, port, pid: child.pid!, stop: () => children.end(child) };
  },
};

export const OVERLOAD_SUBJECTS: readonly (OverloadSubject & Pick<Subject, 'role'>)[] = [
  { role: 'portico', ...portico('Portico, `requests_per_server: auto`', 'requests_per_server: auto') },
  { role: 'portico', ...portico('Portico, `requests_per_server: 16`', 'requests_per_server: 16') },
  { role: 'portico', ...portico('Portico, nothing set', '') },
  {
    role: 'haproxy',
    ...haproxy('HAProxy, `maxconn 16`, `timeout queue 100ms`', 'maxconn 16', '  timeout queue 100ms\n'),
  },
  { role: 'haproxy', ...haproxy('HAProxy, `maxconn 16`', 'maxconn 16', '') },
  { role: 'haproxy', ...haproxy('HAProxy, nothing set', '', '') },
  { role: 'nginx', ...nginx },
];
