import type { ChildProcess } from 'node:child_process';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findProgram } from '../../../src/find-program.ts';
import { isRunning } from '../../../src/process-facts.ts';
import type { SuccessionStatus } from '../../fixtures/succession.ts';
import { launch, until } from '../launch.ts';
import type { SubjectOptions } from '../subject.ts';
import { MAIN } from '../subjects/portico.ts';

/** A balancer that is told to reload again and again, and to make way for a newer one. Answers bear the number of its config in `X-Generation`. */
export interface Contender {
  readonly port: number;
  /** Of the first process, until `replace`. */
  readonly pid: number;
  /** Writes the config with this number in it, and tells the balancer. */
  reload(generation: number): void;
  /** Writes the config with this number in it, and has the program that is installed now take over. */
  replace(generation: number): Promise<void>;
  stop(): Promise<void>;
}

/** What a process that makes way may take to end. */
const DRAIN_MS = 1000;

type Options = SubjectOptions & { readonly directory: string };

/** As each is to be set up so that neither a reload nor the restart of a server fails a request. */
export const CONTENDERS = {
  portico: (options: Options): Promise<Contender> =>
    start(options, {
      text: porticoConfig,
      command: process.execPath,
      args: (file) => [MAIN, 'run', '-c', file],
      signal: 'SIGHUP',
      replace: replacePortico,
    }),
  haproxy: (options: Options): Promise<Contender> =>
    start(options, {
      text: haproxyConfig,
      command: 'haproxy',
      args: (file) => ['-W', '-db', '-f', file],
      signal: 'SIGUSR2',
      // Its master executes what is installed with each reload.
      replace: async (pid) => {
        process.kill(pid, 'SIGUSR2');
        return pid;
      },
    }),
  nginx: (options: Options): Promise<Contender> =>
    start(options, {
      text: nginxConfig,
      // It makes way for another only once whoever started it is gone. For that it executes its own name, which the kernel does not look for.
      command: 'sh',
      args: (file) => [
        '-c',
        '("$0" "$@" & sleep 0.2); exec sleep infinity',
        findProgram('nginx', process.env) ?? 'nginx',
        '-c',
        file,
        '-p',
        options.directory,
      ],
      pid: ({ directory }) => readNginxPid(directory),
      signal: 'SIGHUP',
      replace: replaceNginx,
    }),
} as const;

interface Kind {
  readonly text: (options: Options, generation: number) => string;
  readonly command: string;
  readonly args: (file: string) => readonly string[];
  /** Undefined: the process that was started. */
  readonly pid?: (options: Options) => number;
  readonly signal: NodeJS.Signals;
  /** Resolves with the process to speak to from then on. */
  readonly replace: (pid: number, options: Options) => Promise<number>;
}

async function start(options: Options, kind: Kind): Promise<Contender> {
  const { text, command, args, signal, replace } = kind;
  const { directory, role, port, children } = options;
  const file = join(directory, `reloaded-${role}.conf`);
  const write = (generation: number): void => {
    writeFileSync(`${file}.new`, text(options, generation));
    renameSync(`${file}.new`, file);
  };
  write(0);
  const child: ChildProcess = await launch(command, args(file), options);
  let pid = kind.pid?.(options) ?? child.pid!;
  const endLast = (): void => {
    if (isRunning(pid)) process.kill(pid, 'SIGTERM');
  };
  process.once('exit', endLast);
  return {
    port,
    pid,
    reload: (generation) => {
      write(generation);
      process.kill(pid, signal);
    },
    replace: async (generation) => {
      write(generation);
      pid = await replace(pid, options);
    },
    stop: async () => {
      process.off('exit', endLast);
      endLast();
      await until(`${command} to end`, async () => !isRunning(pid));
      await children.end(child);
    },
  };
}

async function replacePortico(pid: number, { port }: Options): Promise<number> {
  process.kill(pid, 'SIGUSR2');
  return until('the next Portico', async () => {
    const response = await fetch(`http://127.0.0.1:${port + 1}/api/v1/status`).catch(() => undefined);
    const status = (await response?.json()) as SuccessionStatus | undefined;
    return status?.ready === true && status.pid !== pid && !isRunning(pid) && status.pid;
  });
}

/**
 * As its manual has it: the new master beside the old, and the old one told to finish (https://nginx.org/en/docs/control.html#upgrade). What it
 * still has after Portico's `drain_timeout` is cut, as with Portico: the next upgrade would be ignored as long as it is there.
 */
async function replaceNginx(pid: number, { directory }: Options): Promise<number> {
  process.kill(pid, 'SIGUSR2');
  const next = await until('the next nginx', async () => {
    const found = readNginxPid(directory);
    return found > 0 && found !== pid && found;
  });
  process.kill(pid, 'SIGQUIT');
  await new Promise((resolve) => setTimeout(resolve, DRAIN_MS));
  if (isRunning(pid)) process.kill(pid, 'SIGTERM');
  await until('the old nginx to end', async () => !isRunning(pid));
  return next;
}

/** 0 while one makes way for another. */
function readNginxPid(directory: string): number {
  try {
    return Number(readFileSync(nginxPidFile(directory), 'latin1'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0;
    throw error;
  }
}

const nginxPidFile = (directory: string): string => join(directory, 'nginx-reload.pid');

function porticoConfig({ port, servers }: Options, generation: number): string {
  return `planes: 2
drain_timeout: ${DRAIN_MS}ms
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
pid ${nginxPidFile(directory)};
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
