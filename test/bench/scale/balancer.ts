import type { ChildProcess } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import http from 'node:http';
import { join } from 'node:path';
import { until } from '../launch.ts';
import { MAIN } from '../subjects/portico.ts';
import type { Namespace } from './namespace.ts';

export interface BalancerOptions {
  readonly directory: string;
  readonly bind: string;
  readonly destination: string;
  /** What `sources` of portico.yaml has of it, but for its name. */
  readonly pool: string;
  readonly planes: number;
}

export interface SourceUse {
  readonly address: string;
  readonly used: number;
}

/** Portico in its namespace, asked through a unix socket, which no namespace hides. */
export class Balancer {
  readonly process: ChildProcess;
  /** The process of the kernel engine is one of them. */
  readonly planePids: readonly number[];
  private readonly socketPath: string;

  private constructor(process: ChildProcess, socketPath: string, planePids: readonly number[]) {
    this.process = process;
    this.socketPath = socketPath;
    this.planePids = planePids;
  }

  static start(namespace: Namespace, options: BalancerOptions): Promise<Balancer> {
    const { directory, bind, destination, pool, planes } = options;
    return Balancer.startWith(
      namespace,
      directory,
      `planes: ${planes}
sources: [{ name: default, ${pool} }]
listeners: [{ name: web, bind: "${bind}", backend: app }]
backends: [{ name: app, connections_per_server: 65535, servers: [{ address: "${destination}" }] }]
`,
    );
  }

  /** `config`: portico.yaml, without `admin`. */
  static async startWith(namespace: Namespace, directory: string, config: string): Promise<Balancer> {
    const file = join(directory, 'portico.yaml');
    const socketPath = join(directory, 'admin.sock');
    writeFileSync(file, `drain_timeout: 1s\nadmin: { listen: "unix:${socketPath}" }\n${config}`);
    const child = namespace.spawn(process.execPath, MAIN, 'run', '-c', file);
    const status = await until('Portico to be ready', async () => {
      if (child.exitCode !== null) throw new Error(`Portico ended with ${child.exitCode}`);
      const answer = await ask<{ ready: boolean; planes: { pid: number; ready: boolean }[] }>(
        socketPath,
        '/status',
      ).catch(() => undefined);
      return answer?.ready === true && answer.planes.every(({ ready }) => ready) ? answer : false;
    });
    return new Balancer(
      child,
      socketPath,
      status.planes.map(({ pid }) => pid),
    );
  }

  /** What the port map says, by source address. */
  async used(): Promise<SourceUse[]> {
    const { sources } = await ask<{ sources: { address: string; destinations: { used: number }[] }[] }>(
      this.socketPath,
      '/sources',
    );
    return sources.map(({ address, destinations }) => ({
      address,
      used: destinations.reduce((sum, { used }) => sum + used, 0),
    }));
  }
}

function ask<T>(socketPath: string, path: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const request = http.get({ socketPath, path: `/api/v1${path}`, headers: { host: 'localhost' } }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (part) => {
        text += part;
      });
      response.on('end', () => {
        if (response.statusCode === 200) resolve(JSON.parse(text));
        else reject(new Error(`${path}: ${response.statusCode} ${text}`));
      });
    });
    request.on('error', reject);
  });
}
