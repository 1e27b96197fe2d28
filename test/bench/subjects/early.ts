import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { launch } from '../launch.ts';
import type { Subject, SubjectOptions } from '../subject.ts';
import { startPorticoWith } from './portico.ts';

type Certificate = NonNullable<SubjectOptions['tls']>;

/** A balancer that takes early data, with so many planes, threads or processes; `tls` has to be there. For Portico, HAProxy and nginx. */
export async function startEarly(options: SubjectOptions, processes: number): Promise<Subject> {
  const { role, port, servers, directory, children } = options;
  const certificate = options.tls!;
  const [server] = servers;
  if (role === 'portico') {
    return startPorticoWith(
      options,
      `listeners:
  - name: web
    bind: "127.0.0.1:${port}"
    tls: { certificates: [{ cert: ${certificate.cert}, key: ${certificate.key} }], early_data: true }
    routes: [{ backend: app, early_data: true }]
backends: [{ name: app, servers: [{ address: "127.0.0.1:${server}" }] }]
`,
      processes,
    );
  }
  const file = join(directory, `${role}-early-${port}.conf`);
  writeFileSync(
    file,
    role === 'haproxy'
      ? haproxyConf(port, server!, certificate, processes)
      : nginxConf(port, server!, certificate, processes, directory),
  );
  const args = role === 'haproxy' ? ['-db', '-f', file] : ['-c', file, '-p', directory];
  const child = await launch(role, args, options);
  return { role, port, pid: child.pid!, stop: () => children.end(child) };
}

const haproxyConf = (port: number, server: number, { both }: Certificate, processes: number): string => `global
  nbthread ${processes}
  maxconn 9800
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
frontend web
  bind 127.0.0.1:${port} ssl crt ${both} alpn http/1.1 allow-0rtt
  default_backend app
backend app
  server a 127.0.0.1:${server}
`;

const nginxConf = (
  port: number,
  server: number,
  { cert, key }: Certificate,
  processes: number,
  directory: string,
): string => `daemon off;
worker_processes ${processes};
worker_rlimit_nofile 20000;
pid ${directory}/nginx-early-${port}.pid;
error_log ${directory}/nginx-early-${port}.log;
events { worker_connections 4096; }
http {
  access_log off;
  client_body_temp_path ${directory}/body;
  proxy_temp_path ${directory}/proxy;
  server {
    listen 127.0.0.1:${port} ssl backlog=4096;
    ssl_certificate ${cert};
    ssl_certificate_key ${key};
    ssl_protocols TLSv1.3;
    ssl_early_data on;
    location / {
      proxy_pass http://127.0.0.1:${server};
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Early-Data $ssl_early_data;
    }
  }
}
`;
