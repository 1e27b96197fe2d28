import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A balancer under comparison. */
export interface Subject {
  readonly name: string;
  readonly port: number;
  /** The process whose CPU time and memory count. */
  readonly pid: number;
  stop(): Promise<void>;
}

export interface SubjectOptions {
  readonly name: string;
  readonly port: number;
  /** Ports of the servers on 127.0.0.1. */
  readonly backends: readonly number[];
  /** For configs. */
  readonly directory: string;
}

const MAIN = fileURLToPath(new URL('../../src/main.js', import.meta.url));

export const versions = (): Record<string, string> => ({
  Portico: (JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as { version: string })
    .version,
  Node: process.versions.node,
  HAProxy: firstLine('haproxy', ['-v']),
  nginx: firstLine('nginx', ['-v']),
  wrk: firstLine('wrk', ['-v']),
  kernel: firstLine('uname', ['-r']),
  CPU: /model name\s*: (.*)/.exec(readFileSync('/proc/cpuinfo', 'latin1'))?.[1] ?? 'unknown',
});

function firstLine(command: string, args: string[]): string {
  try {
    return execFileSync('sh', ['-c', `${[command, ...args].join(' ')} 2>&1 || true`], { encoding: 'utf8' }).split(
      '\n',
    )[0]!;
  } catch {
    return 'not found';
  }
}

/** Starts a process, and waits until `port` accepts. */
async function launch(command: string, args: string[], port: number): Promise<ChildProcess> {
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let complaint = '';
  child.stderr!.on('data', (data) => {
    complaint += data;
  });
  for (;;) {
    if (child.exitCode !== null) throw new Error(`${command} ended with ${child.exitCode}: ${complaint}`);
    if (await accepts(port)) return child;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1');
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 4000);
  await gone;
  clearTimeout(timer);
}

/** `pipelining` as portico.yaml has it. */
export async function startPortico(options: SubjectOptions, pipelining: number): Promise<Subject> {
  const { name, port, backends, directory } = options;
  const file = join(directory, `${name}.yaml`);
  const admin = port + 1;
  writeFileSync(
    file,
    `planes: 1
drain_timeout: 1s
sources: [{ name: default, addresses: [127.0.1.1-127.0.1.4] }]
admin: { listen: 127.0.0.1:${admin} }
listeners: [{ name: web, bind: "127.0.0.1:${port}", backend: app }]
backends:
  - name: app
    pipelining: ${pipelining}
    connections_per_server: 20000
    servers: [${backends.map((backend) => `{ address: "127.0.0.1:${backend}" }`).join(', ')}]
`,
  );
  const child = await launch(process.execPath, [MAIN, 'run', '-c', file], port);
  for (;;) {
    const response = await fetch(`http://127.0.0.1:${admin}/api/v1/status`).catch(() => undefined);
    const status = (await response?.json()) as { ready: boolean; planes: { pid: number }[] } | undefined;
    if (status?.ready === true) return { name, port, pid: status.planes[0]!.pid, stop: () => end(child) };
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

export async function startHaproxy(options: SubjectOptions): Promise<Subject> {
  const { name, port, backends, directory } = options;
  const file = join(directory, 'haproxy.cfg');
  writeFileSync(
    file,
    `global
  nbthread 1
  maxconn 9800
defaults
  mode http
  option forwardfor
  http-reuse always
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  timeout tunnel 1h
frontend web
  bind 127.0.0.1:${port}
  default_backend app
backend app
  balance leastconn
${backends.map((backend, i) => `  server s${i} 127.0.0.1:${backend} source 127.0.2.${i + 1}`).join('\n')}
`,
  );
  const child = await launch('haproxy', ['-db', '-f', file], port);
  return { name, port, pid: child.pid!, stop: () => end(child) };
}

export async function startNginx(options: SubjectOptions): Promise<Subject> {
  const { name, port, backends, directory } = options;
  const file = join(directory, 'nginx.conf');
  writeFileSync(
    file,
    `daemon off;
master_process off;
worker_processes 1;
worker_rlimit_nofile 20000;
pid ${directory}/nginx.pid;
error_log ${directory}/nginx.log;
events { worker_connections 19900; }
http {
  access_log off;
  client_body_temp_path ${directory}/body;
  proxy_temp_path ${directory}/proxy;
  client_max_body_size 0;
  proxy_request_buffering off;
  keepalive_requests 100000000;
  map $http_upgrade $connection_upgrade { default upgrade; '' ''; }
  upstream app {
    least_conn;
${backends.map((backend) => `    server 127.0.0.1:${backend};`).join('\n')}
    keepalive 64;
    keepalive_requests 100000000;
  }
  server {
    listen 127.0.0.1:${port} backlog=4096;
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
  const child = await launch('nginx', ['-c', file, '-p', directory], port);
  return { name, port, pid: child.pid!, stop: () => end(child) };
}
