import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { launch } from '../launch.ts';
import type { Subject, SubjectOptions } from '../subject.ts';

export async function startNginx(options: SubjectOptions): Promise<Subject> {
  const { role, port, servers, directory, children, accessLog, tls, isHttp2 } = options;
  const file = join(directory, `nginx-${port}.conf`);
  writeFileSync(
    file,
    `daemon off;
master_process off;
worker_processes 1;
worker_rlimit_nofile 20000;
pid ${directory}/nginx-${port}.pid;
error_log ${directory}/nginx-${port}.log;
events { worker_connections 19900; }
http {
  access_log ${accessLog === undefined ? 'off' : `${accessLog} combined buffer=64k`};
  client_body_temp_path ${directory}/body;
  proxy_temp_path ${directory}/proxy;
  client_max_body_size 0;
  proxy_request_buffering off;
  keepalive_requests 100000000;
  map $http_upgrade $connection_upgrade { default upgrade; '' ''; }
  upstream app {
    least_conn;
${servers.map((server) => `    server 127.0.0.1:${server};`).join('\n')}
    keepalive 64;
    keepalive_requests 100000000;
  }
  server {
    listen 127.0.0.1:${port} backlog=4096${isHttp2 === true ? ' http2' : ''}${
      tls === undefined
        ? ''
        : ` ssl;
    ssl_certificate ${tls.cert};
    ssl_certificate_key ${tls.key};
    ssl_protocols TLSv1.2 TLSv1.3`
    };
    location / {
      proxy_pass http://app;
      proxy_http_version 1.1;
      proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_upgrade;
      proxy_read_timeout 1h;
      proxy_send_timeout 1h;
    }
  }
}
`,
  );
  const child = await launch('nginx', ['-c', file, '-p', directory], options);
  return { role, port, pid: child.pid!, stop: () => children.end(child) };
}
