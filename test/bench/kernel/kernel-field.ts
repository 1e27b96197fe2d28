import type { ChildProcess } from 'node:child_process';
import { type Children, nextMessage } from '../children.ts';
import { Namespace } from '../scale/namespace.ts';
import type { LoadEvent } from '../tcp/load.ts';

const SERVER = new URL('../tcp/server.js', import.meta.url);
const CLIENT = new URL('../tcp/client.js', import.meta.url);
/** Of the machine between clients and servers, towards either. */
export const FRONT = '10.1.0.1';
export const BACK = '10.2.0.254';
export const SERVER_PORT = 9000;
/** What the machine between calls its interface to the servers. */
export const BACK_DEVICE = 'b1';

/** Clients, a machine between, and servers: three namespaces, veth between them, and nothing that forwards yet but the kernel's routes. */
export class KernelField {
  readonly middle: Namespace;
  readonly servers: readonly string[];
  private readonly clientSide: Namespace;
  private readonly serverSide: Namespace;
  private readonly children: Children;
  private readonly started: ChildProcess[] = [];
  private loads = 0;

  private constructor(children: Children, namespaces: readonly Namespace[], servers: readonly string[]) {
    this.children = children;
    [this.clientSide, this.middle, this.serverSide] = namespaces as [Namespace, Namespace, Namespace];
    this.servers = servers;
  }

  /** `count`: servers, each a process. */
  static async create(children: Children, count: number): Promise<KernelField> {
    const namespaces = [
      await Namespace.create(children),
      await Namespace.create(children),
      await Namespace.create(children),
    ];
    const [clientSide, middle, serverSide] = namespaces as [Namespace, Namespace, Namespace];
    const servers = Array.from({ length: count }, (_, i) => `10.2.0.${i + 1}`);
    clientSide.connect('c0', ['10.1.0.2/16'], middle, 'b0', [`${FRONT}/16`]);
    middle.connect(
      BACK_DEVICE,
      [`${BACK}/16`],
      serverSide,
      's0',
      servers.map((address) => `${address}/16`),
    );
    // Every client process has some of these for its own.
    clientSide.run('ip', 'route', 'add', 'local', '10.1.128.0/17', 'dev', 'lo');
    clientSide.run('ip', 'route', 'add', 'default', 'via', FRONT);
    serverSide.run('ip', 'route', 'add', 'default', 'via', BACK);
    const queues = { 'net.core.somaxconn': 65_535, 'net.ipv4.tcp_max_syn_backlog': 65_535 };
    serverSide.set(queues);
    // Clients end connections first: tens of thousands in TIME_WAIT would make every round slower than the one before.
    clientSide.set({ 'net.ipv4.tcp_max_tw_buckets': 1 });
    middle.set({
      ...queues,
      'net.ipv4.ip_forward': 1,
      'net.ipv4.ip_local_port_range': '1024 65535',
      'net.ipv4.tcp_tw_reuse': 1,
      // For all who track connections; the default of 120 s fills the table with ended ones.
      'net.netfilter.nf_conntrack_tcp_timeout_time_wait': 15,
    });
    const field = new KernelField(children, namespaces, servers);
    for (const server of servers) {
      const child = serverSide.fork(SERVER, String(SERVER_PORT), server);
      field.started.push(child);
      await nextMessage(child);
    }
    return field;
  }

  /** A client process, with addresses that none before it had: its ports are as new to the machine as those of the first. */
  load(
    what: 'churn' | 'stream' | 'hold',
    { host, port }: { readonly host: string; readonly port: number },
    { connections, seconds = 0 }: { readonly connections: number; readonly seconds?: number },
  ): ChildProcess {
    const own = `10.1.${128 + (this.loads++ % 128)}`;
    return this.clientSide.fork(CLIENT, what, String(port), String(connections), String(seconds), host, own);
  }

  /** What a client process counted, which is gone then: streams that went on would take from the next measurement. */
  async measure(...of: Parameters<KernelField['load']>): Promise<LoadEvent> {
    const client = this.load(...of);
    const counted = await nextMessage<LoadEvent>(client);
    await this.children.end(client);
    return counted;
  }

  /** What was tracked for one balancer is nothing that the next has to search through. */
  forgetConnections(): void {
    this.middle.run('conntrack', '-F');
  }

  /** Everything in it ends. */
  async remove(): Promise<void> {
    for (const child of this.started) await this.children.end(child);
    for (const namespace of [this.clientSide, this.middle, this.serverSide]) await namespace.remove();
  }
}
