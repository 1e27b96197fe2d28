import { type ChildProcess, fork, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const SERVER = new URL('./reporting-server.js', import.meta.url);

/** A server of some make that reports what it reads, by way of `X-Report` in its answers. */
export interface ReportingServer {
  readonly name: string;
  readonly port: number;
  /** Requests that have been read so far, whoever sent them. */
  count(): Promise<number>;
  stop(): void;
}

export const MAKES = ['node', 'uws', 'nginx', 'haproxy'] as const;
export type Make = (typeof MAKES)[number];

/** nginx and HAProxy pass what they read on to a server that reports it. Rejects where the make is not installed. */
export async function startReportingServer(make: Make): Promise<ReportingServer> {
  const child = fork(SERVER, [make === 'uws' ? 'uws' : 'node']);
  const { port } = await message<{ port: number }>(child);
  const count = async (): Promise<number> => {
    child.send('count');
    return (await message<{ count: number }>(child)).count;
  };
  const own = { name: make, port, count, stop: () => void child.kill() };
  if (make === 'node' || make === 'uws') return own;
  const relay = await startRelay(make, port).catch((error) => {
    own.stop();
    throw error;
  });
  return {
    ...own,
    port: relay.port,
    stop: () => {
      relay.stop();
      own.stop();
    },
  };
}

function message<T>(child: ChildProcess): Promise<T> {
  return new Promise((resolve, reject) => {
    child.once('message', (value) => resolve(value as T));
    child.once('exit', () => reject(new Error('a reporting server has ended')));
  });
}

async function startRelay(make: 'nginx' | 'haproxy', to: number): Promise<{ port: number; stop: () => void }> {
  const directory = mkdtempSync(join(tmpdir(), 'portico-fuzz-'));
  const port = await freePort();
  const file = join(directory, `${make}.conf`);
  writeFileSync(file, make === 'nginx' ? nginxConfig(directory, port, to) : haproxyConfig(port, to));
  const args = make === 'nginx' ? ['-c', file, '-p', directory, '-e', '/dev/null'] : ['-db', '-f', file];
  const child = spawn(make, args, { stdio: 'ignore' });
  const stop = (): void => {
    child.kill();
    rmSync(directory, { recursive: true, force: true });
  };
  const gone = new Promise<never>((_, reject) => {
    child.once('error', reject);
    child.once('exit', () => reject(new Error(`${make} has ended`)));
  });
  gone.catch(() => {});
  await Promise.race([accepting(port), gone]).catch((error) => {
    stop();
    throw error;
  });
  return { port, stop };
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = net.createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as net.AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

async function accepting(port: number): Promise<void> {
  for (let tries = 0; tries < 500; tries++) {
    const isUp = await new Promise<boolean>((resolve) => {
      const socket = net.connect(port, '127.0.0.1', () => resolve(true)).on('error', () => resolve(false));
      socket.on('connect', () => socket.destroy());
    });
    if (isUp) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`nothing listens on ${port}`);
}

function nginxConfig(directory: string, port: number, to: number): string {
  return `daemon off;
master_process off;
pid ${directory}/pid;
error_log /dev/null crit;
events { worker_connections 1000; }
http {
  access_log off;
  client_body_temp_path ${directory}/body;
  proxy_temp_path ${directory}/proxy;
  fastcgi_temp_path ${directory}/f;
  uwsgi_temp_path ${directory}/u;
  scgi_temp_path ${directory}/s;
  keepalive_requests 100000000;
  upstream app { server 127.0.0.1:${to}; keepalive 64; keepalive_requests 100000000; }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://app;
      proxy_http_version 1.1;
      proxy_set_header Host $http_host;
      proxy_set_header Connection '';
      proxy_next_upstream off;
    }
  }
}
`;
}

function haproxyConfig(port: number, to: number): string {
  return `global
  nbthread 1
  maxconn 1000
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
frontend web
  bind 127.0.0.1:${port}
  default_backend app
backend app
  retries 0
  server s 127.0.0.1:${to}
`;
}
