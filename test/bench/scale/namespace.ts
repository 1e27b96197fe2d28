import type { ChildProcess } from 'node:child_process';
import { execFileSync } from 'node:child_process';
import { readlinkSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Children } from '../children.ts';
import { until } from '../launch.ts';

/** A network namespace of the benchmark's own; it goes when its processes do. */
export class Namespace {
  readonly pid: number;
  private readonly children: Children;
  private readonly holder: ChildProcess;

  private constructor(children: Children, holder: ChildProcess) {
    this.children = children;
    this.holder = holder;
    this.pid = holder.pid!;
  }

  /** Resolves when it has a loopback interface that is up. */
  static async create(children: Children): Promise<Namespace> {
    const holder = children.spawn('unshare', ['-n', 'sleep', 'infinity'], { stdio: 'ignore' });
    const own = readlinkSync('/proc/self/ns/net');
    await until('a network namespace', async () => {
      if (holder.exitCode !== null) throw new Error('network namespaces need root or `unshare -rmn`');
      return readlinkSync(`/proc/${holder.pid}/ns/net`) !== own;
    });
    const namespace = new Namespace(children, holder);
    namespace.run('ip', 'link', 'set', 'lo', 'up');
    return namespace;
  }

  /** A pair of interfaces between this namespace and another, both up and addressed (`10.1.0.1/16`). */
  connect(
    name: string,
    addresses: readonly string[],
    to: Namespace,
    peer: string,
    peerAddresses: readonly string[],
  ): void {
    this.run('ip', 'link', 'add', name, 'type', 'veth', 'peer', 'name', peer, 'netns', String(to.pid));
    for (const [namespace, device, list] of [
      [this, name, addresses],
      [to, peer, peerAddresses],
    ] as const) {
      for (const address of list) namespace.run('ip', 'addr', 'add', address, 'dev', device, 'nodad');
      namespace.run('ip', 'link', 'set', device, 'up');
    }
  }

  /** It is gone when no other process is left in it. */
  remove(): Promise<void> {
    return this.children.end(this.holder);
  }

  set(settings: Readonly<Record<string, string | number>>): void {
    for (const [name, value] of Object.entries(settings)) this.run('sysctl', '-qw', `${name}=${value}`);
  }

  /** Its output. Throws when it fails. */
  run(command: string, ...args: readonly string[]): string {
    return execFileSync('nsenter', [...this.entering, command, ...args], {
      encoding: 'utf8',
      maxBuffer: 1 << 30,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  }

  spawn(command: string, ...args: readonly string[]): ChildProcess {
    return this.children.spawn('nsenter', [...this.entering, command, ...args], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
  }

  /** As `Children.fork`. */
  fork(module: URL, ...args: readonly string[]): ChildProcess {
    return this.children.spawn('nsenter', [...this.entering, process.execPath, fileURLToPath(module), ...args], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
  }

  private get entering(): string[] {
    return ['-t', String(this.pid), '-n', '--'];
  }
}
