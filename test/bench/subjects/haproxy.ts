import { closeSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { launch } from '../launch.ts';
import type { Subject, SubjectOptions } from '../subject.ts';

export async function startHaproxy(options: SubjectOptions): Promise<Subject> {
  const { role, port, servers, directory, children, accessLog, tls, isHttp2 } = options;
  const file = join(directory, `haproxy-${port}.cfg`);
  // maxconn: a relayed connection takes two descriptors.
  writeFileSync(
    file,
    `global
  nbthread 1
  maxconn 9800${accessLog === undefined ? '' : '\n  log stdout format raw local0'}
defaults
  mode http
  option forwardfor${accessLog === undefined ? '' : '\n  log global\n  option httplog'}
  http-reuse always
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  timeout tunnel 1h
frontend web
  bind 127.0.0.1:${port}${tls === undefined ? '' : ` ssl crt ${tls.both}`}${isHttp2 === true ? ' proto h2' : ''}
  default_backend app
backend app
  balance leastconn
${servers.map((server, i) => `  server s${i} 127.0.0.1:${server} source 127.0.2.${i + 1}`).join('\n')}
`,
  );
  // It writes no files: its lines go to its standard output, which is one.
  const stdout = accessLog === undefined ? 'ignore' : openSync(accessLog, 'a');
  const child = await launch('haproxy', ['-db', '-f', file], options, stdout).finally(() => {
    if (stdout !== 'ignore') closeSync(stdout);
  });
  return { role, port, pid: child.pid!, stop: () => children.end(child) };
}
