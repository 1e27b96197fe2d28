import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, openSync } from 'node:fs';
import { PeerHost, sh } from '../fixtures/netns.ts';
import type { BackendCommand } from './backend-main.ts';
import { BROKEN_OFF, type BrokenAnswer, readBrokenAnswers } from './broken-answers.ts';

export const BRIDGE = 'lab0';
const SERVER_PORT = 9001;
const SERVERS = 3;

interface Server {
  readonly host: PeerHost;
  readonly address: string;
  /** This end of its wire. */
  readonly link: string;
  child: ChildProcess;
}

/**
 * All around Portico: servers, each a host of its own on a bridge of this namespace, and a log disk that can be made to stall, which is a pipe.
 * Call `enterNamespace` first.
 */
export class Surroundings {
  /** Source addresses that Portico may claim on the bridge, for connections of its planes. */
  static readonly SOURCES = ['10.3.0.101', '10.3.0.102', '10.3.0.103', '10.3.0.104'] as const;
  static readonly HAPROXY_SOURCE = '10.3.0.105';
  static readonly KERNEL_SOURCES = ['10.3.0.106', '10.3.0.107'] as const;
  readonly logPipe: string;
  private readonly brokenFile: string;
  private readonly servers: Server[] = [];
  private readonly logDisk: ChildProcess;
  private readonly logFd: number;

  private constructor(directory: string) {
    this.logPipe = `${directory}/access.log`;
    execFileSync('mkfifo', [this.logPipe]);
    // Open for both, so that it never ends for either side.
    this.logFd = openSync(this.logPipe, constants.O_RDWR | constants.O_NONBLOCK);
    this.brokenFile = `${directory}/broken-answers.log`;
    const broken = openSync(this.brokenFile, 'a');
    const args = ['--text', '--line-buffered', '--fixed-strings', BROKEN_OFF, this.logPipe];
    this.logDisk = spawn('grep', args, { stdio: ['ignore', broken, 'ignore'] });
    closeSync(broken);
  }

  /** Its hosts are gone after `seconds`, whatever becomes of this process. */
  static async create(directory: string, seconds: number): Promise<Surroundings> {
    const surroundings = new Surroundings(directory);
    sh('ip link set lo up');
    sh(`ip link add ${BRIDGE} type bridge`);
    sh(`ip address add 10.3.0.1/24 dev ${BRIDGE}`);
    sh(`ip link set ${BRIDGE} up`);
    sh('sysctl -qw net.ipv4.ip_forward=1');
    for (let i = 0; i < SERVERS; i++) await surroundings.addServer(i, seconds);
    return surroundings;
  }

  /** Of those, the ones that are on the bridge now. */
  static claimed(): readonly string[] {
    const shown = sh(`ip address show dev ${BRIDGE}`);
    const { SOURCES, HAPROXY_SOURCE, KERNEL_SOURCES } = Surroundings;
    return [...SOURCES, HAPROXY_SOURCE, ...KERNEL_SOURCES].filter((address) => shown.includes(`inet ${address}/`));
  }

  private async addServer(i: number, seconds: number): Promise<void> {
    const host = await PeerHost.start({ seconds });
    const link = `lab0s${i}`;
    const address = `10.3.0.${11 + i}`;
    sh(`ip link add ${link} type veth peer name v0 netns ${host.pid}`);
    sh(`ip link set ${link} master ${BRIDGE}`);
    sh(`ip link set ${link} up`);
    host.sh('ip link set lo up');
    host.sh(`ip address add ${address}/24 dev v0`);
    host.sh('ip link set v0 up');
    this.servers.push({ host, address, link, child: await startServer(host, address) });
  }

  get addresses(): readonly string[] {
    return this.servers.map(({ address }) => `${address}:${SERVER_PORT}`);
  }

  /** Processes that are not Portico's. */
  get pids(): readonly number[] {
    const children = [this.logDisk, ...this.servers.map(({ child }) => child)];
    return [...children.map(({ pid }) => pid!), ...this.servers.map(({ host }) => host.pid)];
  }

  private server(index: number): Server {
    return this.servers[index % this.servers.length]!;
  }

  pidOf(index: number): number {
    return this.server(index).child.pid!;
  }

  get count(): number {
    return this.servers.length;
  }

  /** Resolves when it is gone. */
  async killServer(index: number): Promise<void> {
    const { child } = this.server(index);
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  }

  /** Resolves when it listens. */
  async startServer(index: number): Promise<void> {
    const server = this.server(index);
    server.child = await startServer(server.host, server.address);
  }

  signalServer(index: number, signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.server(index).child.kill(signal);
  }

  tellServer(index: number, command: BackendCommand): void {
    this.server(index).child.send(command);
  }

  setLink(index: number, state: 'up' | 'down'): void {
    sh(`ip link set ${this.server(index).link} ${state}`);
  }

  /** As far as the log disk has taken what Portico had to say of them. */
  get brokenAnswers(): readonly BrokenAnswer[] {
    return readBrokenAnswers(this.brokenFile);
  }

  /** A disk that stalls takes nothing any more, and refuses nothing. */
  stallLogDisk(isStalled: boolean): void {
    this.logDisk.kill(isStalled ? 'SIGSTOP' : 'SIGCONT');
  }

  async stop(): Promise<void> {
    for (const { child, host } of this.servers) {
      child.kill('SIGKILL');
      host.stop();
    }
    this.logDisk.kill('SIGKILL');
    closeSync(this.logFd);
    sh(`ip link del ${BRIDGE}`);
  }
}

async function startServer(host: PeerHost, address: string): Promise<ChildProcess> {
  const child = host.fork(new URL('./backend-main.js', import.meta.url), address, String(SERVER_PORT));
  const first = await Promise.race([once(child, 'message'), once(child, 'exit').then(() => undefined)]);
  if (first === undefined) throw new Error(`the server on ${address} did not start`);
  return child;
}
